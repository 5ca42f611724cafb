package config

import (
	"io"
	"log/slog"
)

// Log is how much is told, and how.
type Log struct {
	Level string `toml:"level"`
	JSON  bool   `toml:"json"`
}

func defaultLog() Log { return Log{Level: "info"} }

func (l Log) check(f faults, _ *Config) {
	_, ok := levels[l.Level]
	f.need("level", ok, "%q must be \"debug\", \"info\", \"warn\" or \"error\"", l.Level)
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Logger writes to w as the section says.
func (l Log) Logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: levels[l.Level]}
	if l.JSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
