<?php
// Runs a PHP file inside the network's WordPress: php run.php FILE
$_SERVER += ['HTTP_HOST' => '127.0.0.1:@PORT@', 'REQUEST_URI' => '/', 'REQUEST_METHOD' => 'GET'];
if (getenv('UMMSG_TEST_STEP') === 'install') {
    define('WP_INSTALLING', true);
    define('WP_SITEURL', 'http://127.0.0.1:@PORT@');
}
require __DIR__ . '/site/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/network.php';
add_filter('pre_wp_mail', '__return_true');
require $argv[1];
