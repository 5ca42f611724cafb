package main

import (
	"strings"
	"testing"

	"sigill/cmd/sigill/internal/config"
)

func TestCheckResolver(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason string
		dnssec config.DNSSEC
		want   string
	}{
		{"nobody is asked", config.DNSSEC{}, ""},
		{"nobody is there", config.DNSSEC{Resolver: "127.0.0.1:1"}, "dnssec.resolver: partner: DNS: . SOA by the resolver 127.0.0.1:1: "},
	} {
		err := checkResolver(t.Context(), config.Config{DNSSEC: row.dnssec})
		if (err == nil) != (row.want == "") || err != nil && !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}
