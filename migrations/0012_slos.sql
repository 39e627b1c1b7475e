CREATE TABLE `slo_counts` (
	`definition` text NOT NULL,
	`bucket_epoch_ms` integer NOT NULL,
	`good` integer NOT NULL,
	`bad` integer NOT NULL,
	`start_good` integer NOT NULL,
	`start_bad` integer NOT NULL,
	PRIMARY KEY(`definition`, `bucket_epoch_ms`)
);
--> statement-breakpoint
CREATE TABLE `slo_marks` (
	`definition` text PRIMARY KEY NOT NULL,
	`request_id` text NOT NULL
);
