CREATE TABLE `admissions` (
	`admission_id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`request_id` text NOT NULL,
	`endpoint` text NOT NULL,
	`key_id` text,
	`combo` text NOT NULL,
	`base_id` text NOT NULL,
	`combo_revision` text NOT NULL,
	`stream` integer NOT NULL,
	`arrived_at_epoch_ms` integer NOT NULL,
	`gateway_run` text NOT NULL,
	`most_completion_tokens` integer,
	`prompt_tokens_estimate` integer NOT NULL,
	`reserved_micro_usd` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `admissions_request_id_unique` ON `admissions` (`request_id`);--> statement-breakpoint
CREATE TABLE `corrections` (
	`correction_id` text PRIMARY KEY NOT NULL,
	`request_id` text NOT NULL,
	`made_at_epoch_ms` integer NOT NULL,
	`reason` text NOT NULL,
	`author` text NOT NULL,
	`prompt_tokens` integer NOT NULL,
	`cached_tokens` integer NOT NULL,
	`completion_tokens` integer NOT NULL,
	`cost_micro_usd` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `corrections_by_request` ON `corrections` (`request_id`);--> statement-breakpoint
CREATE TABLE `gateway_runs` (
	`gateway_run` text PRIMARY KEY NOT NULL,
	`started_at_epoch_ms` integer NOT NULL,
	`settled_up_to` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`request_id` text PRIMARY KEY NOT NULL,
	`key_hash` text NOT NULL,
	`body_fingerprint` text NOT NULL,
	`opened_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_by_key` ON `idempotency_keys` (`key_hash`,`opened_at_epoch_ms`);--> statement-breakpoint
ALTER TABLE `combos` ADD `base_digest` text;