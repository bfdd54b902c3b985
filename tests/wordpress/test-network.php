<?php
// What a network needs to be tested on a port and without HTTPS; a real one must not have this.
add_filter('wp_is_application_passwords_available', '__return_true');
add_filter('sanitize_user', function ($name, $raw) {
    $is_address = preg_match('/^[a-z0-9.-]+:\d+$/i', (string) $raw); // of which WordPress drops the colon
    return $is_address ? strtolower($raw) : $name;
}, 10, 2);

// In place of the plugin, where there are tables of it: what the connector asks it.
if ($GLOBALS['wpdb']->get_var("SHOW TABLES LIKE 'wp\_wu\_customers'")) {
    class Test_Customer
    {
        private $id;

        public function __construct(int $id)
        {
            $this->id = $id;
        }

        public function get_id(): int
        {
            return $this->id;
        }
    }

    function wu_get_current_customer()
    {
        global $wpdb;
        $query = 'SELECT id FROM wp_wu_customers WHERE user_id = %d';
        $id = $wpdb->get_var($wpdb->prepare($query, get_current_user_id()));
        return $id ? new Test_Customer((int) $id) : false;
    }
}
