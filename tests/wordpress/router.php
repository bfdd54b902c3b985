<?php
// The rewrite rules of a multisite in subdirectories, for PHP's own web server.
$root = __DIR__ . '/site';
$asked = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$path = $asked;
if (preg_match('#^/[\w-]+(/(?:wp-(?:content|admin|includes)(?:/.*)?|[^/]*\.php))$#', $asked, $found)
    && !file_exists($root . $asked)) {
    $path = $found[1];
}
if (is_dir($root . $path)) {
    if (substr($asked, -1) !== '/') {
        header("Location: $asked/", true, 301);
        return true;
    }
    $path = rtrim($path, '/') . '/index.php';
}
$file = realpath($root . $path);
if ($file === false || strpos($file, realpath($root)) !== 0) {
    $file = realpath("$root/index.php");
    $path = '/index.php';
}
if (substr($file, -4) !== '.php') {
    $types = ['css' => 'text/css', 'js' => 'text/javascript', 'svg' => 'image/svg+xml', 'png' => 'image/png'];
    header('Content-Type: ' . ($types[pathinfo($file, PATHINFO_EXTENSION)] ?? 'application/octet-stream'));
    readfile($file);
    return true;
}
$of_folder = substr($asked, -4) === '.php' ? $asked : rtrim($asked, '/') . '/' . basename($path);
$_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = $path === '/index.php' ? $path : $of_folder;
$_SERVER['SCRIPT_FILENAME'] = $file;
unset($_SERVER['PATH_INFO']);
chdir(dirname($file));
require $file;
return true;
