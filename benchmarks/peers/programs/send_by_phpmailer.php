<?php
// Sends a letter to the first recipients of a CSV file, over one connection.
//
//     php send_by_phpmailer.php LIBRARY PORT MESSAGES LETTER RECIPIENTS

declare(strict_types=1);

use PHPMailer\PHPMailer\PHPMailer;

[, $library, $port, $messages, $letter, $recipients] = $argv;
require "$library/autoload.php";
$letter = json_decode(file_get_contents($letter), true, flags: JSON_THROW_ON_ERROR);
$file = fopen($recipients, 'r');
$columns = fgetcsv($file);

$mailer = new PHPMailer(true);
$mailer->isSMTP();
$mailer->Host = '127.0.0.1';
$mailer->Port = (int) $port;
$mailer->SMTPAuth = false;
$mailer->SMTPAutoTLS = false;
$mailer->SMTPKeepAlive = true;
$mailer->CharSet = 'utf-8';
$mailer->setFrom('hello@example.com', 'Example Network');

for ($sent = 0; $sent < (int) $messages; $sent++) {
    $recipient = array_combine($columns, fgetcsv($file));
    $mailer->clearAddresses();
    $mailer->addAddress($recipient['email'], $recipient['name']);
    $named = static fn (string $text): string => str_replace($letter['name'], $recipient['name'], $text);
    $mailer->Subject = $named($letter['subject']);
    $mailer->isHTML();
    $mailer->Body = $named($letter['html']);
    $mailer->AltBody = $named($letter['text']);
    $mailer->send();
}
$mailer->smtpClose();
