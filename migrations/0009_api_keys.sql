CREATE TABLE `api_keys` (
	`key_id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`prefix` text NOT NULL,
	`hash` text NOT NULL,
	`previous_prefix` text,
	`previous_hash` text,
	`previous_until_epoch_ms` integer,
	`terms_json` text NOT NULL,
	`weight` real NOT NULL,
	`created_at_epoch_ms` integer NOT NULL,
	`rotated_at_epoch_ms` integer,
	`expires_at_epoch_ms` integer,
	`disabled_at_epoch_ms` integer,
	`deleted_at_epoch_ms` integer
);
