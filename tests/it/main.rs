//! The program as its users run it: real files, real PostgreSQL clusters, a real terminal.

mod adopt;
mod archive;
mod audit;
mod bad_input;
mod classic;
mod cli;
mod crash;
mod cycle;
mod databases;
mod databases_faults;
mod docker;
mod docker_faults;
mod docker_inherited;
mod drift;
mod external;
mod incident;
mod incident_story;
mod prompts;
mod sandbox;
mod saved_plan;
mod services;
mod shop;
mod stack;
mod undo;
mod watchdog;
mod watchdog_faults;
