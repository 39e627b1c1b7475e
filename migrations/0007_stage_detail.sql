ALTER TABLE `requests` ADD `start_tier` text;--> statement-breakpoint
ALTER TABLE `requests` ADD `staged_bytes` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `staged_ms` real;--> statement-breakpoint
ALTER TABLE `requests` ADD `download_ms` real;--> statement-breakpoint
ALTER TABLE `requests` ADD `stage_threads` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `read_ms` real;--> statement-breakpoint
ALTER TABLE `requests` ADD `decrypt_ms` real;--> statement-breakpoint
ALTER TABLE `requests` ADD `verify_ms` real;--> statement-breakpoint
ALTER TABLE `requests` ADD `upload_bytes` integer;--> statement-breakpoint
ALTER TABLE `requests` ADD `upload_ms` real;