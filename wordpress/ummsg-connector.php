<?php
/**
 * Plugin Name: ummsg connector
 * Description: Shows ummsg's notices on customers' dashboards, and lets ummsg read who the customers are.
 * Version: 1.0.0
 * Requires at least: 5.6
 * Requires PHP: 7.4
 * License: MIT
 * Network: true
 *
 * One file for wp-content/mu-plugins/. wordpress/readme.md says how it is installed, connected and removed.
 *
 * @package ummsg
 */

namespace Ummsg;

if (!defined('ABSPATH')) {
    exit;
}

const VERSION = '1.0.0';

/** What a page of customers, products or memberships holds at most. */
const PAGE_LIMIT = 1000;

/** Rows of targets that one statement inserts. */
const INSERTED_AT_ONCE = 500;

/** Of every change of a notice, higher than those before: what comes late undoes nothing. */
const REVISION = ['type' => 'integer', 'minimum' => 1, 'required' => true];

const NOTICE_TYPES = ['success', 'info', 'warning', 'error'];

add_action('rest_api_init', __NAMESPACE__ . '\register_routes');
add_action('in_admin_header', __NAMESPACE__ . '\show_notices_later', PHP_INT_MAX);
add_action('wp_ajax_ummsg_dismiss', __NAMESPACE__ . '\dismiss');

// What the network holds of ours: three tables, made when the first notice comes.

function table(string $name): string
{
    global $wpdb;
    return $wpdb->base_prefix . 'ummsg_' . $name;
}

function create_tables(): void
{
    global $wpdb;
    $options = $wpdb->get_charset_collate();
    $wpdb->query('CREATE TABLE IF NOT EXISTS ' . table('notices') . " (
        id bigint unsigned NOT NULL PRIMARY KEY,
        notice_type varchar(10) NOT NULL,
        subject text NOT NULL,
        html mediumtext NOT NULL,
        everyone tinyint NOT NULL,
        starts_at datetime NULL,
        ends_at datetime NULL,
        edition int unsigned NOT NULL,
        revision bigint unsigned NOT NULL,
        digest varchar(64) NOT NULL
    ) $options");
    $wpdb->query('CREATE TABLE IF NOT EXISTS ' . table('targets') . " (
        kind char(1) NOT NULL,
        ref bigint unsigned NOT NULL,
        status varchar(20) NOT NULL,
        notice_id bigint unsigned NOT NULL,
        PRIMARY KEY (kind, ref, status, notice_id),
        KEY notice_id (notice_id)
    ) $options");
    $wpdb->query('CREATE TABLE IF NOT EXISTS ' . table('dismissals') . " (
        id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
        notice_id bigint unsigned NOT NULL,
        edition int unsigned NOT NULL,
        user_id bigint unsigned NOT NULL,
        customer_id bigint unsigned NOT NULL,
        dismissed_at datetime NOT NULL,
        UNIQUE KEY once (notice_id, edition, user_id)
    ) $options");
}

function has_table(string $table): bool
{
    global $wpdb;
    return $wpdb->get_var($wpdb->prepare('SHOW TABLES LIKE %s', $wpdb->esc_like($table))) === $table;
}

/** Whether Ultimate Multisite keeps the customers; on a plain multisite they are the users who own a site. */
function has_plugin(): bool
{
    global $wpdb;
    return has_table($wpdb->base_prefix . 'wu_customers');
}

// The REST routes

function register_routes(): void
{
    $allowed = function () {
        return current_user_can('manage_network');
    };
    $paged = [
        'after' => ['type' => 'integer', 'minimum' => 0, 'default' => 0],
        'limit' => ['type' => 'integer', 'minimum' => 1, 'maximum' => PAGE_LIMIT, 'default' => PAGE_LIMIT],
        'known' => ['type' => 'string', 'maxLength' => 64, 'default' => ''],
    ];
    $route = function (string $path, string $methods, string $callback, array $args = []) use ($allowed) {
        register_rest_route('ummsg/v1', $path, [
            'methods' => $methods,
            'callback' => __NAMESPACE__ . '\\' . $callback,
            'permission_callback' => $allowed,
            'args' => $args,
        ], false);
    };
    $route('/status', 'GET', 'get_status');
    $route('/customers', 'GET', 'get_customers', $paged);
    $route('/products', 'GET', 'get_products', $paged);
    $route('/memberships', 'GET', 'get_memberships', $paged);
    $route('/dismissals', 'GET', 'get_dismissals', $paged);
    $route('/notices', 'GET', 'get_notices', $paged);
    register_rest_route('ummsg/v1', '/notices/(?P<id>[1-9]\d{0,18})', [
        [
            'methods' => 'PUT',
            'callback' => __NAMESPACE__ . '\put_notice',
            'permission_callback' => $allowed,
            'args' => notice_arguments(),
        ],
        [
            'methods' => 'DELETE',
            'callback' => __NAMESPACE__ . '\delete_notice',
            'permission_callback' => $allowed,
            'args' => ['revision' => REVISION],
        ],
    ]);
    $route('/data', 'DELETE', 'delete_data');
}

function notice_arguments(): array
{
    $ids = ['type' => 'array', 'items' => ['type' => 'integer', 'minimum' => 1], 'default' => []];
    $moment = ['type' => ['string', 'null'], 'format' => 'date-time', 'default' => null];
    return [
        'notice_type' => ['type' => 'string', 'enum' => NOTICE_TYPES, 'required' => true],
        'subject' => ['type' => 'string', 'required' => true],
        'html' => ['type' => 'string', 'required' => true],
        'everyone' => ['type' => 'boolean', 'default' => false],
        'customers' => $ids,
        'products' => $ids,
        'statuses' => ['type' => 'array', 'items' => ['type' => 'string', 'maxLength' => 20], 'default' => []],
        'starts_at' => $moment,
        'ends_at' => $moment,
        'edition' => ['type' => 'integer', 'minimum' => 0, 'default' => 0],
        'digest' => ['type' => 'string', 'minLength' => 1, 'maxLength' => 64, 'required' => true],
        'revision' => REVISION,
    ];
}

function get_status(): array
{
    global $wpdb, $wp_version;
    $plugin = has_plugin();
    $prefix = $wpdb->base_prefix;
    create_tables();
    return [
        'connector' => VERSION,
        'wordpress' => $wp_version,
        'multisite' => is_multisite(),
        'network' => get_network()->site_name ?? '',
        'url' => network_home_url(),
        'directory' => $plugin ? 'ultimate-multisite' : 'site-owners',
        'customers' => (int) $wpdb->get_var(
            $plugin ? "SELECT COUNT(*) FROM {$prefix}wu_customers" : 'SELECT COUNT(*) FROM (' . site_owners() . ') o'
        ),
        'last_dismissal' => (int) $wpdb->get_var('SELECT MAX(id) FROM ' . table('dismissals')),
        'products' => $plugin ? (int) $wpdb->get_var("SELECT COUNT(*) FROM {$prefix}wu_products") : 0,
        'memberships' => $plugin ? (int) $wpdb->get_var("SELECT COUNT(*) FROM {$prefix}wu_memberships") : 0,
    ];
}

/** Users who are administrators of a site other than the network's main one. */
function site_owners(): string
{
    global $wpdb;
    return "SELECT DISTINCT user_id FROM {$wpdb->usermeta}
        WHERE meta_key REGEXP '^{$wpdb->base_prefix}[0-9]+_capabilities$'
        AND meta_value LIKE '%\"administrator\"%'";
}

/**
 * A page of what a query finds, in the order of `id`: `next` is what to ask for `after` it, null at the end. Whoever
 * says by its `digest` that they know this page is not told it again.
 *
 * @param string $query with `%d` for the id after which it begins, and `%d` for how many.
 */
function page(\WP_REST_Request $request, string $query, callable $shown)
{
    global $wpdb;
    $limit = (int) $request['limit'];
    $rows = $wpdb->get_results($wpdb->prepare($query, (int) $request['after'], $limit + 1));
    if ($wpdb->last_error !== '' || !is_array($rows)) { // which must not look like the end of the listing
        return new \WP_Error('ummsg_not_read', 'The database did not answer.', ['status' => 500]);
    }
    $more = count($rows) > $limit;
    $rows = array_slice($rows, 0, $limit);
    $page = [
        'items' => array_map($shown, $rows),
        'next' => $more ? (int) end($rows)->id : null,
    ];
    $digest = hash('sha256', wp_json_encode($page));
    return $digest === $request['known'] ? ['unchanged' => true] : $page + ['digest' => $digest];
}

function get_customers(\WP_REST_Request $request)
{
    global $wpdb;
    $prefix = $wpdb->base_prefix;
    $from = has_plugin()
        ? "SELECT c.id, c.user_id, c.date_registered AS registered, c.email_verification AS verification
            FROM {$prefix}wu_customers c WHERE c.id > %d ORDER BY c.id LIMIT %d"
        : "SELECT u.ID AS id, u.ID AS user_id, u.user_registered AS registered, 'none' AS verification
            FROM {$wpdb->users} u WHERE u.ID > %d AND u.ID IN (" . site_owners() . ') ORDER BY u.ID LIMIT %d';
    $query = "SELECT c.*, u.user_email AS email, u.display_name AS name, l.meta_value AS locale
        FROM ($from) c
        LEFT JOIN {$wpdb->users} u ON u.ID = c.user_id
        LEFT JOIN {$wpdb->usermeta} l ON l.user_id = c.user_id AND l.meta_key = 'locale'
        ORDER BY c.id";
    return page($request, $query, function ($row) {
        return [
            'id' => (int) $row->id,
            'email' => (string) $row->email,
            'name' => (string) $row->name,
            'locale' => (string) $row->locale,
            'registered_at' => moment($row->registered),
            'email_verification' => (string) $row->verification,
        ];
    });
}

function get_products(\WP_REST_Request $request)
{
    global $wpdb;
    if (!has_plugin()) {
        return ['items' => [], 'next' => null, 'digest' => 'none'];
    }
    $query = "SELECT id, slug, name, type, active FROM {$wpdb->base_prefix}wu_products WHERE id > %d ORDER BY id LIMIT %d";
    return page($request, $query, function ($row) {
        return [
            'id' => (int) $row->id,
            'slug' => (string) $row->slug,
            'name' => (string) $row->name,
            'type' => (string) $row->type,
            'active' => (bool) $row->active,
        ];
    });
}

function get_memberships(\WP_REST_Request $request)
{
    global $wpdb;
    if (!has_plugin()) {
        return ['items' => [], 'next' => null, 'digest' => 'none'];
    }
    $query = "SELECT id, customer_id, plan_id, addon_products, status, date_created, date_expiration
        FROM {$wpdb->base_prefix}wu_memberships WHERE id > %d ORDER BY id LIMIT %d";
    return page($request, $query, function ($row) {
        $addons = addons_of($row);
        return [
            'id' => (int) $row->id,
            'customer_id' => (int) $row->customer_id,
            'plan_id' => (int) $row->plan_id,
            'addons' => $addons ?? [],
            'readable' => $addons !== null,
            'status' => (string) $row->status,
            'starts_at' => moment($row->date_created),
            'expires_at' => moment($row->date_expiration),
        ];
    });
}

/** The ids of a membership's add-on products; null if they cannot be read. No object is ever made of them. */
function addons_of($row): ?array
{
    $stored = trim((string) $row->addon_products);
    if ($stored === '') {
        return [];
    }
    $addons = @unserialize($stored, ['allowed_classes' => false]);
    if (!is_array($addons)) {
        return null;
    }
    foreach (array_keys($addons) as $id) {
        if (!is_int($id) || $id < 1) {
            return null;
        }
    }
    return array_keys($addons);
}

/** A moment as the plugin keeps it, which is UTC; null for none. */
function moment($stored): ?string
{
    if (!$stored || strpos($stored, '0000-00-00') === 0) {
        return null;
    }
    return str_replace(' ', 'T', (string) $stored) . 'Z';
}

function get_dismissals(\WP_REST_Request $request)
{
    create_tables();
    $query = 'SELECT * FROM ' . table('dismissals') . ' WHERE id > %d ORDER BY id LIMIT %d';
    return page($request, $query, function ($row) {
        return [
            'id' => (int) $row->id,
            'notice_id' => (int) $row->notice_id,
            'edition' => (int) $row->edition,
            'customer_id' => (int) $row->customer_id,
            'dismissed_at' => moment($row->dismissed_at),
        ];
    });
}

function get_notices(\WP_REST_Request $request)
{
    create_tables();
    $query = 'SELECT id, digest, revision FROM ' . table('notices') . " WHERE digest != '' AND id > %d ORDER BY id LIMIT %d";
    return page($request, $query, function ($row) {
        return ['id' => (int) $row->id, 'digest' => (string) $row->digest, 'revision' => (int) $row->revision];
    });
}

/** Store a notice as it is said, unless a later revision of it is there. Repeated, it changes nothing. */
function put_notice(\WP_REST_Request $request)
{
    return change_notice($request, [
        'notice_type' => $request['notice_type'],
        'subject' => $request['subject'],
        'html' => $request['html'],
        'everyone' => $request['everyone'] ? 1 : 0,
        'starts_at' => in_utc($request['starts_at']),
        'ends_at' => in_utc($request['ends_at']),
        'edition' => (int) $request['edition'],
        'digest' => $request['digest'],
    ]);
}

/** Its revision stays behind, without a digest or anybody whom it is for. */
function delete_notice(\WP_REST_Request $request)
{
    return change_notice($request, [
        'notice_type' => 'info',
        'subject' => '',
        'html' => '',
        'everyone' => 0,
        'starts_at' => null,
        'ends_at' => null,
        'edition' => 0,
        'digest' => '',
    ]);
}

function change_notice(\WP_REST_Request $request, array $values)
{
    global $wpdb;
    create_tables();
    $id = (int) $request['id'];
    $revision = (int) $request['revision'];
    $wpdb->query('START TRANSACTION');
    $query = 'SELECT revision FROM ' . table('notices') . ' WHERE id = %d FOR UPDATE';
    $there = (int) $wpdb->get_var($wpdb->prepare($query, $id));
    if ($there > $revision) {
        $wpdb->query('ROLLBACK');
        return ['id' => $id, 'revision' => $there];
    }
    $stored = $wpdb->replace(table('notices'), ['id' => $id, 'revision' => $revision] + $values) !== false
        && $wpdb->delete(table('targets'), ['notice_id' => $id]) !== false
        && ($values['digest'] === '' || insert_targets($id, $request));
    $wpdb->query($stored ? 'COMMIT' : 'ROLLBACK');
    if (!$stored) {
        return new \WP_Error('ummsg_not_stored', 'The database did not take it.', ['status' => 500]);
    }
    return ['id' => $id, 'revision' => $revision];
}

function insert_targets(int $id, \WP_REST_Request $request): bool
{
    global $wpdb;
    $rows = [];
    foreach (array_unique($request['customers']) as $customer) {
        $rows[] = $wpdb->prepare('(%s, %d, %s, %d)', 'c', $customer, '', $id);
    }
    foreach (array_unique($request['products']) as $product) {
        foreach (array_unique($request['statuses']) as $status) {
            $rows[] = $wpdb->prepare('(%s, %d, %s, %d)', 'p', $product, $status, $id);
        }
    }
    foreach (array_chunk($rows, INSERTED_AT_ONCE) as $some) {
        $statement = 'INSERT INTO ' . table('targets') . ' (kind, ref, status, notice_id) VALUES ';
        if ($wpdb->query($statement . implode(', ', $some)) === false) {
            return false;
        }
    }
    return true;
}

function in_utc(?string $moment): ?string
{
    return $moment === null ? null : gmdate('Y-m-d H:i:s', strtotime($moment));
}

/** Leave nothing of ours behind: what `ummsg network disconnect` asks for. */
function delete_data(): array
{
    global $wpdb;
    foreach (['notices', 'targets', 'dismissals'] as $name) {
        $wpdb->query('DROP TABLE IF EXISTS ' . table($name));
    }
    return ['deleted' => true];
}

// The dashboard

/** Hooked on from inside the header, where the plugin has already taken away everybody's notices. */
function show_notices_later(): void
{
    if (is_network_admin() || is_user_admin()) {
        return;
    }
    add_action('admin_notices', __NAMESPACE__ . '\show_notices');
}

function show_notices(): void
{
    try {
        $found = notices_for(current_customer());
        foreach ($found as $notice) {
            show_notice($notice);
        }
        if ($found) {
            show_script();
        }
    } catch (\Throwable $error) {
        error_log('ummsg connector: ' . $error->getMessage());
    }
}

/**
 * Who looks at the dashboard: `id` and `memberships`, rows of (product, status). Null for somebody who is no customer.
 */
function current_customer(): ?array
{
    global $wpdb;
    if (!function_exists('wu_get_current_customer')) {
        // The super admins may do everything everywhere, and own none of it.
        $owns = current_user_can('manage_options') && !is_super_admin() && !is_main_site();
        return $owns ? ['id' => get_current_user_id(), 'memberships' => []] : null;
    }
    $customer = wu_get_current_customer();
    if (!$customer) {
        return null;
    }
    $id = (int) $customer->get_id();
    $query = "SELECT plan_id, addon_products, status FROM {$wpdb->base_prefix}wu_memberships WHERE customer_id = %d";
    $memberships = [];
    foreach ((array) $wpdb->get_results($wpdb->prepare($query, $id)) as $row) {
        foreach (array_filter([(int) $row->plan_id, ...(addons_of($row) ?? [])]) as $product) {
            $memberships[] = [$product, (string) $row->status];
        }
    }
    return ['id' => $id, 'memberships' => $memberships];
}

/** The live notices that are meant for a customer and that they have not closed, the newest first. */
function notices_for(?array $customer): array
{
    global $wpdb;
    if ($customer === null) {
        return [];
    }
    $mine = [$wpdb->prepare("(t.kind = 'c' AND t.ref = %d)", $customer['id'])];
    foreach ($customer['memberships'] as [$product, $status]) {
        $mine[] = $wpdb->prepare("(t.kind = 'p' AND t.ref = %d AND t.status = %s)", $product, $status);
    }
    $now = gmdate('Y-m-d H:i:s');
    $query = $wpdb->prepare(
        'SELECT n.id, n.edition, n.notice_type, n.subject, n.html FROM ' . table('notices') . ' n
        WHERE (n.starts_at IS NULL OR n.starts_at <= %s) AND (n.ends_at IS NULL OR n.ends_at > %s)
        AND NOT EXISTS (SELECT 1 FROM ' . table('dismissals') . ' d
            WHERE d.notice_id = n.id AND d.edition = n.edition AND d.user_id = %d)',
        $now,
        $now,
        get_current_user_id()
    );
    $meant = 'EXISTS (SELECT 1 FROM ' . table('targets') . ' t WHERE t.notice_id = n.id AND (' . implode(' OR ', $mine) . '))';
    $quiet = $wpdb->suppress_errors(); // before the first notice there are no tables
    $found = $wpdb->get_results("$query AND (n.everyone = 1 OR $meant) ORDER BY n.id DESC");
    $wpdb->suppress_errors($quiet);
    return (array) $found;
}

function show_notice($notice): void
{
    $type = in_array($notice->notice_type, NOTICE_TYPES, true) ? $notice->notice_type : 'info';
    printf(
        '<div class="notice notice-%s is-dismissible ummsg-notice" data-ummsg-notice="%d"><p><strong>%s</strong></p>%s</div>',
        esc_attr($type),
        (int) $notice->id,
        esc_html($notice->subject),
        wp_kses($notice->html, allowed_html(), ['http', 'https', 'mailto', 'tel'])
    );
}

function allowed_html(): array
{
    $plain = array_fill_keys(
        ['p', 'br', 'hr', 'strong', 'b', 'em', 'i', 'del', 's', 'code', 'pre', 'blockquote', 'ul', 'li'],
        []
    );
    $plain += array_fill_keys(['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'table', 'thead', 'tbody', 'tr', 'th', 'td'], []);
    return $plain + ['a' => ['href' => true, 'title' => true, 'rel' => true], 'ol' => ['start' => true]];
}

/** WordPress takes a closed notice off the page by itself; this tells us that it stays closed. */
function show_script(): void
{
    $address = wp_json_encode(admin_url('admin-ajax.php'), JSON_HEX_TAG);
    $nonce = wp_json_encode(wp_create_nonce('ummsg_dismiss'), JSON_HEX_TAG);
    echo <<<SCRIPT
<script>
document.addEventListener('click', function (event) {
    var button = event.target.closest && event.target.closest('.ummsg-notice .notice-dismiss');
    if (!button) { return; }
    var body = new URLSearchParams({
        action: 'ummsg_dismiss',
        notice: button.closest('.ummsg-notice').getAttribute('data-ummsg-notice'),
        _ajax_nonce: $nonce
    });
    fetch($address, { method: 'POST', body: body, credentials: 'same-origin', keepalive: true });
}, true);
</script>
SCRIPT;
}

function dismiss(): void
{
    global $wpdb;
    check_ajax_referer('ummsg_dismiss');
    $wanted = (int) ($_POST['notice'] ?? 0);
    $customer = current_customer();
    foreach (notices_for($customer) as $notice) {
        if ((int) $notice->id === $wanted) {
            $wpdb->query($wpdb->prepare(
                'INSERT IGNORE INTO ' . table('dismissals')
                . ' (notice_id, edition, user_id, customer_id, dismissed_at) VALUES (%d, %d, %d, %d, %s)',
                $wanted,
                (int) $notice->edition,
                get_current_user_id(),
                $customer['id'],
                gmdate('Y-m-d H:i:s')
            ));
        }
    }
    wp_send_json_success();
}
