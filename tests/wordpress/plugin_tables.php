<?php
// Tables of the shape that Ultimate Multisite's have, with Anna on a plan and an add-on, and Bo on the plan.
global $wpdb;
$wpdb->query("CREATE TABLE wp_wu_customers (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id bigint NOT NULL, type varchar(20) NOT NULL DEFAULT 'customer',
    email_verification enum('verified','pending','none') NOT NULL DEFAULT 'none', date_registered datetime NULL,
    last_login datetime NULL, vip tinyint DEFAULT 0)");
$wpdb->query("CREATE TABLE wp_wu_products (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, name tinytext, slug tinytext, type varchar(20), active tinyint,
    amount decimal(13,4) DEFAULT 0)");
$wpdb->query("CREATE TABLE wp_wu_memberships (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id bigint, plan_id bigint, addon_products longtext,
    status varchar(12), amount decimal(13,4) DEFAULT 0, date_created datetime NULL, date_expiration datetime NULL)");
$wpdb->query("INSERT INTO wp_wu_products (id, name, slug, type, active) VALUES
    (4, 'Pro', 'pro', 'plan', 1), (7, 'Extra storage', 'extra', 'package', 1)");
$anna = get_user_by('login', 'anna')->ID;
$bo = get_user_by('login', 'bo')->ID;
$wpdb->query("INSERT INTO wp_wu_customers (id, user_id, email_verification, date_registered) VALUES
    (11, $anna, 'verified', '2026-01-31 09:00:00'), (12, $bo, 'none', '0000-00-00 00:00:00')");
$wpdb->query("INSERT INTO wp_wu_memberships (id, customer_id, plan_id, addon_products, status, date_created) VALUES
    (21, 11, 4, 'a:1:{i:7;i:2;}', 'active', '2026-01-31 09:00:00'),
    (22, 12, 4, 'a:0:{}', 'trialing', '2026-02-01 09:00:00')");
