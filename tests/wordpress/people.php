<?php
// The super admin, an application password for them, and two owners of sites.
grant_super_admin(1);
foreach (['anna' => 'Anna Björk', 'bo' => 'Bo Ek'] as $name => $shown) {
    $user = wpmu_create_user($name, "$name password", "$name@example.com");
    wp_update_user(['ID' => $user, 'display_name' => $shown]);
    wpmu_create_blog('127.0.0.1:@PORT@', "/$name/", "The site of $name", $user, ['public' => 1], 1);
}
update_user_meta(get_user_by('login', 'anna')->ID, 'locale', 'sv_SE');
[$password] = WP_Application_Passwords::create_new_application_password(1, ['name' => 'ummsg']);
[$of_anna] = WP_Application_Passwords::create_new_application_password(
    get_user_by('login', 'anna')->ID,
    ['name' => 'ummsg']
);
echo json_encode(['admin' => $password, 'anna' => $of_anna]);
