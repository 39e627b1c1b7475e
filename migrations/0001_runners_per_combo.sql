ALTER TABLE `models` ADD `min_runners` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `models` ADD `max_runners` integer DEFAULT 1 NOT NULL;