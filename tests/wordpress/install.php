<?php
// One site, and the tables of a network around it.
wp_install('Example Network', 'admin', 'admin@example.com', true, '', 'admin password');
$address = 'http://127.0.0.1:@PORT@';
update_option('siteurl', $address);
update_option('home', $address);
global $wpdb, $wp_rewrite;
$wp_rewrite->set_permalink_structure('/%postname%/');
foreach ($wpdb->tables('ms_global') as $name => $table) {
    $wpdb->$name = $table;
}
install_network();
$made = populate_network(1, '127.0.0.1:@PORT@', 'admin@example.com', 'Example Network', '/', false);
if (is_wp_error($made)) {
    fwrite(STDERR, implode("\n", $made->get_error_messages()));
    exit(1);
}
