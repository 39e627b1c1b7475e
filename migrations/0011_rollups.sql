CREATE TABLE `rollup_cells` (
	`grain` text NOT NULL,
	`cube` text NOT NULL,
	`bucket_epoch_ms` integer NOT NULL,
	`series_id` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`grain`, `cube`, `bucket_epoch_ms`, `series_id`)
);
--> statement-breakpoint
CREATE INDEX `rollup_cells_by_age` ON `rollup_cells` (`grain`,`bucket_epoch_ms`);--> statement-breakpoint
CREATE TABLE `rollup_mark` (
	`mark_id` integer PRIMARY KEY NOT NULL,
	`request_id` text NOT NULL,
	`minutes_from_epoch_ms` integer NOT NULL,
	`hours_from_epoch_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_series` (
	`series_id` integer PRIMARY KEY NOT NULL,
	`cube` text NOT NULL,
	`values_json` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `rollup_series_by_values` ON `rollup_series` (`cube`,`values_json`);