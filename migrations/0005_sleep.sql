ALTER TABLE `models` ADD `device` text;--> statement-breakpoint
ALTER TABLE `models` ADD `sleeps` integer;--> statement-breakpoint
ALTER TABLE `models` ADD `sleep_after_ms` integer;