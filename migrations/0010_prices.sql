CREATE TABLE `price_versions` (
	`version` integer PRIMARY KEY NOT NULL,
	`book_json` text NOT NULL,
	`author` text NOT NULL,
	`created_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `requests` ADD `start_id` text;--> statement-breakpoint
ALTER TABLE `requests` ADD `start_of` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `start_index` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `device_bytes` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `price_version` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `cost_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `input_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `cached_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `output_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `runner_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `device_micro_usd` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `requests` ADD `start_micro_usd` integer DEFAULT 0 NOT NULL;