"""The archive of events: written by collectors as Parquet files, asked through DuckDB."""
