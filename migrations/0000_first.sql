CREATE TABLE `adapters` (
	`id` text PRIMARY KEY NOT NULL,
	`base_id` text NOT NULL,
	`path` text NOT NULL,
	`scale` real NOT NULL,
	`revision` text NOT NULL,
	`weight_bytes` integer NOT NULL,
	`created_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `adapters_by_base` ON `adapters` (`base_id`);--> statement-breakpoint
CREATE TABLE `aliases` (
	`name` text PRIMARY KEY NOT NULL,
	`target` text NOT NULL,
	`created_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `combos` (
	`combo_key` text PRIMARY KEY NOT NULL,
	`combo_name` text NOT NULL,
	`base_id` text NOT NULL,
	`adapters_json` text NOT NULL,
	`first_seen_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `combos_by_name` ON `combos` (`combo_name`);--> statement-breakpoint
CREATE TABLE `events` (
	`event_id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at_epoch_ms` integer NOT NULL,
	`type` text NOT NULL,
	`runner_id` text,
	`combo` text,
	`detail_json` text
);
--> statement-breakpoint
CREATE INDEX `events_by_time` ON `events` (`at_epoch_ms`);--> statement-breakpoint
CREATE TABLE `models` (
	`id` text PRIMARY KEY NOT NULL,
	`engine` text NOT NULL,
	`path` text NOT NULL,
	`context_tokens` integer NOT NULL,
	`sequences` integer NOT NULL,
	`max_threads` integer,
	`device_layers` integer NOT NULL,
	`use_mmap` integer NOT NULL,
	`repack` integer NOT NULL,
	`kv_budget_bytes` integer,
	`idle_ttl_ms` integer,
	`chat_template` text,
	`owned_by` text NOT NULL,
	`revision` text NOT NULL,
	`weight_bytes` integer NOT NULL,
	`created_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `pins` (
	`combo` text PRIMARY KEY NOT NULL,
	`level` text NOT NULL,
	`count` integer NOT NULL,
	`until_epoch_ms` integer,
	`created_at_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `requests` (
	`request_id` text PRIMARY KEY NOT NULL,
	`endpoint` text NOT NULL,
	`key_id` text,
	`combo` text,
	`base_id` text,
	`combo_revision` text,
	`runner_id` text,
	`start_kind` text,
	`joined` integer NOT NULL,
	`stream` integer NOT NULL,
	`arrived_at_epoch_ms` integer NOT NULL,
	`queue_ms` real,
	`spawn_ms` real,
	`stage_ms` real,
	`load_ms` real,
	`attach_ms` real,
	`context_ms` real,
	`prefill_ms` real,
	`decode_ms` real,
	`ttft_ms` real,
	`tpot_ms` real,
	`total_ms` real NOT NULL,
	`prompt_tokens` integer NOT NULL,
	`cached_tokens` integer NOT NULL,
	`completion_tokens` integer NOT NULL,
	`response_bytes` integer NOT NULL,
	`http_status` integer NOT NULL,
	`error_code` text,
	`finish_reason` text
);
--> statement-breakpoint
CREATE INDEX `requests_by_arrival` ON `requests` (`arrived_at_epoch_ms`);--> statement-breakpoint
CREATE INDEX `requests_by_combo` ON `requests` (`combo`,`arrived_at_epoch_ms`);--> statement-breakpoint
CREATE TABLE `runners` (
	`runner_id` text PRIMARY KEY NOT NULL,
	`pid` integer NOT NULL,
	`pid_start_ticks` text NOT NULL,
	`boot_id` text NOT NULL,
	`base_id` text,
	`socket_path` text NOT NULL,
	`spawned_at_epoch_ms` integer NOT NULL,
	`exited_at_epoch_ms` integer,
	`exit_reason` text
);
--> statement-breakpoint
CREATE INDEX `runners_living` ON `runners` (`spawned_at_epoch_ms`) WHERE "runners"."exited_at_epoch_ms" is null;