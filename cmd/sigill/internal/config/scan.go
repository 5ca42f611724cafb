package config

import (
	"time"

	"sigill/vault/clamd"
)

// Scan is where malware is looked for; nowhere if Clamd is empty.
type Scan struct {
	Clamd          string        `toml:"clamd"`
	Timeout        time.Duration `toml:"timeout"`
	FenceUnscanned bool          `toml:"fence_unscanned"`
}

func defaultScan() Scan { return Scan{Timeout: clamd.DefaultTimeout} }

func (s Scan) check(f faults, _ *Config) {
	if s.Clamd != "" {
		_, err := s.Client()
		f.fits("clamd", err)
	}
	f.need("timeout", s.Timeout >= time.Second, "must be \"1s\" or more")
}

// Client gives what asks clamd; nil if nobody is asked. It does not connect.
func (s Scan) Client() (*clamd.Client, error) {
	if s.Clamd == "" {
		return nil, nil
	}
	return clamd.New(clamd.Config{Address: s.Clamd, Timeout: s.Timeout})
}
