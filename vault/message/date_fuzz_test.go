package message

import (
	"testing"
	"time"
)

// FuzzParseDate: every date that is read can be written by RFC 3339 and read again, as the vault does with it. One that
// cannot would be a mail that is taken and never opens.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{
		"", "Tue, 24 Nov 2026 10:00:00 +0100", "24 Nov 26 10:00 CET (comment)", "2026-11-24T10:00:00Z", "2026-01-31 +24:00",
		"1 Jan 2020 00:00:00 +2300 EEST EEST", "1 Jan 2020 00:00:00 -2300 PST PST", "1 Jan 0 0:0 +2359", "31 Dec 9999 23:59:60 -2359",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		date, ok := ParseDate(s)
		if !ok {
			return
		}
		text := date.Format(time.RFC3339Nano)
		if again, err := time.Parse(time.RFC3339Nano, text); err != nil || !again.Equal(date) {
			t.Errorf("%q is written as %s, which is read as %v, %v", s, text, again, err)
		}
	})
}
