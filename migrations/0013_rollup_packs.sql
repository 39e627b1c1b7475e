CREATE TABLE `rollup_packs` (
	`grain` text NOT NULL,
	`cube` text NOT NULL,
	`bucket_epoch_ms` integer NOT NULL,
	`part` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`grain`, `cube`, `bucket_epoch_ms`, `part`)
);
--> statement-breakpoint
CREATE INDEX `rollup_packs_by_age` ON `rollup_packs` (`grain`,`bucket_epoch_ms`);--> statement-breakpoint
CREATE TABLE `rollup_sums` (
	`grain` text NOT NULL,
	`cube` text NOT NULL,
	`to_epoch_ms` integer NOT NULL,
	PRIMARY KEY(`grain`, `cube`)
);
