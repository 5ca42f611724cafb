package config

import _ "embed" // the sample

// Sample is an annotated configuration: what must be set, by example, and every default behind a "#" that no space follows.
//
//go:embed sample.toml
var Sample string

// Document is docs/config.md.
func Document() string {
	return "# Configuration\n\nWhat `sigill config` prints. `sigill check --config FILE` tells every fault of a file at once.\n\n```toml\n" + Sample + "```\n"
}
