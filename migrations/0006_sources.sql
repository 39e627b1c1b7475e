CREATE TABLE `source_facts` (
	`path` text PRIMARY KEY NOT NULL,
	`facts_json` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `adapters` ADD `digest` text;--> statement-breakpoint
ALTER TABLE `models` ADD `digest` text;