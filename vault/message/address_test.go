package message

import (
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// show writes mailboxes one after the other: "name" local@host.
func show(list []Mailbox) string {
	var out []string
	for _, m := range list {
		switch {
		case m == Mailbox{}:
			out = append(out, ";")
		case m.Local == "" && m.Host == "":
			out = append(out, m.Name+":")
		default:
			out = append(out, strings.TrimSpace(fmt.Sprintf("%q %s@%s", m.Name, m.Local, m.Host)))
		}
	}
	return strings.ReplaceAll(strings.Join(out, " "), `"" `, "")
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, want string }{
		{"an address alone", "a@b.se", "a@b.se"},
		{"in angle brackets", "<a@b.se>", "a@b.se"},
		{"with a name", "Anna Svensson <a@b.se>", `"Anna Svensson" a@b.se`},
		{"with a quoted name", `"Svensson, Anna" <a@b.se>`, `"Svensson, Anna" a@b.se`},
		{"quotes in a quoted name", `"Anna \"Ann\" S" <a@b.se>`, `"Anna \"Ann\" S" a@b.se`},
		{"several", "a@b.se, Bo <c@d.se>,<e@f.se>", `a@b.se "Bo" c@d.se e@f.se`},
		{"empty entries (RFC 5322 section 4.4)", ",a@b.se,,c@d.se,", "a@b.se c@d.se"},
		{"a comma in a name without quotes", "Svensson, Anna <a@b.se>, Ek, Bo <c@d.se>", `"Svensson, Anna" a@b.se "Ek, Bo" c@d.se`},
		{"semicolons, as Outlook shows them", "a@b.se;c@d.se", "a@b.se c@d.se"},
		{"semicolons after brackets", "A <a@b.se>; B <c@d.se>;", `"A" a@b.se "B" c@d.se`},
		{"no domain", "MAILER-DAEMON", "MAILER-DAEMON@"},
		{"no domain in brackets", "Mail Delivery <MAILER-DAEMON>", `"Mail Delivery" MAILER-DAEMON@`},
		{"no address, two words", "Anna Svensson", "Anna Svensson@"},
		{"no address, among others", "MAILER-DAEMON, a@b.se", "MAILER-DAEMON@ a@b.se"},
		{"two dots", "a..b@c.se", "a..b@c.se"},
		{"no brackets after a name", `"Anna" a@b.se`, `"Anna" a@b.se`},
		{"no brackets after two names", `Anna Svensson a@b.se`, `"Anna Svensson" a@b.se`},
		{"nothing between two addresses", "a@b.se c@d.se", "a@b.se c@d.se"},
		{"nothing between two with brackets", "A <a@b.se> B <c@d.se>", `"A" a@b.se "B" c@d.se`},
		{"two in one pair of brackets", "A <a@b.se;c@d.se>", `"A" a@b.se "A" c@d.se`},
		{"a name that is an address", "a@b.se <c@d.se>", `"a@b.se" c@d.se`},
		{"Outlook's single quotes", "'a@b.se' <a@b.se>, 'c@d.se'", `"'a@b.se'" a@b.se c@d.se`},
		{"a comment as name (RFC 822)", "a@b.se (Anna S)", `"Anna S" a@b.se`},
		{"a comment after brackets", "<a@b.se> (Anna)", `"Anna" a@b.se`},
		{"a comment besides a name", "Anna <a@b.se> (work)", `"Anna" a@b.se`},
		{"comments in comments", `a@b.se (x (y\)) z)`, `"x (y\\)) z" a@b.se`},
		{"comments and spaces around @", "a (x) @ (y) b.se", `"y" a@b.se`},
		{"a group", "Team: a@b.se, Bo <c@d.se>; e@f.se", `Team: a@b.se "Bo" c@d.se ; e@f.se`},
		{"an empty group", "undisclosed-recipients:;", "undisclosed-recipients: ;"},
		{"a group without an end", "Team: a@b.se", "Team: a@b.se ;"},
		{"an obsolete route (RFC 5322 section 4.4)", "<@x.se,@y.se:a@b.se>", "a@b.se"},
		{"comments in angle brackets (RFC 5322 section 3.4.1)", `<a (x@y)@ (z) b.se>, <"(a)"@b.se>`, `a@b.se (a)@b.se`},
		{"mailto", "mailto:a@b.se, <mailto:c@d.se>", "a@b.se c@d.se"},
		{"a quoted local part", `"anna s"@b.se, <"a@b"@c.se>`, "anna s@b.se a@b@c.se"},
		{"an address literal", "a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1] b@[IPv6:2001:db8::1]"},
		{"the null address", "<>", ""},
		{"nothing", " , ;", ""},
		{"an encoded name", "=?utf-8?q?=C3=85sa_=C3=96?= <a@b.se>", `"Åsa Ö" a@b.se`},
		{"in two words", "=?utf-8?q?=C3=85sa?= =?utf-8?q?_=C3=96?= <a@b.se>", `"Åsa Ö" a@b.se`},
		{"in quotes, against RFC 2047 section 5", `"=?utf-8?q?=C3=85sa?=" <a@b.se>`, `"Åsa" a@b.se`},
		{"with a comma left in the word", "=?utf-8?Q?Ek,_=C3=85sa?= <a@b.se>", `"Ek, Åsa" a@b.se`},
		{"an encoded comma splits nothing", "=?utf-8?Q?Ek=2C_c=40d=2Ese?= <a@b.se>", `"Ek, c@d.se" a@b.se`},
		{"raw UTF-8", "Åsa <å@b.se>", `"Åsa" å@b.se`},
		{"raw windows-1252", "\xc5sa <a@b.se>", `"Åsa" a@b.se`},
		{"an address with letters outside ASCII", "a@räksmörgås.se", "a@räksmörgås.se"},
		{"a quote left open", `"Anna <a@b.se>, c@d.se`, `"Anna" a@b.se c@d.se`},
		{"a bracket left open", "Anna <a@b.se, c@d.se", `"Anna" a@b.se c@d.se`},
		{"a comment left open", "Anna (x <a@b.se>", `"Anna x" a@b.se`},
		{"a stray bracket", "a@b.se>, c@d.se", "a@b.se c@d.se"},
		{"a dot at the end", "a@b.se.", "a@b.se"},
		{"control characters in a name", "\"a\rb\" <x@y.se>", `"a b" x@y.se`},
		{"an encoded word does not hide addresses", "=?utf-8?q?x <a@b.se>, ?=", `"=?utf-8?q?x" a@b.se ?=@`},
	} {
		if got := show(ParseAddresses(tt.in, 0)); got != tt.want {
			t.Errorf("%s: %q\n got %s\nwant %s", tt.reason, tt.in, got, tt.want)
		}
	}
}

func TestParseAddressesKeepsToTheLimit(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a@b.se,", 1000)
	for _, in := range []string{many, "Team:" + many, strings.Repeat("Team:a@b.se;", 1000), strings.Repeat("a@b.se ", 1000)} {
		for _, limit := range []int{1, 2, 3, 500} {
			if n := len(ParseAddresses(in, limit)); n > limit {
				t.Errorf("%.20q: %d mailboxes, limit %d", in, n, limit)
			}
		}
	}
}

// TestRoute: ENVELOPE tells an obsolete route, and nothing else looks at it (RFC 5322 section 4.4).
func TestRoute(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"<@x.se, @y.se:a@b.se>": "@x.se,@y.se", "Anna <a@b.se>": "", "<@b.se>": ""} {
		if got := ParseAddresses(in, 0); len(got) != 1 || got[0].Route != want {
			t.Errorf("%s: %+v, want %s", in, got, want)
		}
	}
}

// What a strict parser reads, this one reads the same.
func TestParseAddressesAsNetMail(t *testing.T) {
	t.Parallel()
	name := rapid.StringOfN(rapid.SampledFrom([]rune("abÅö ,;:<>@()\"\\.=?_'")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		var field, want []string
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			a := mail.Address{Name: strings.Join(strings.Fields(name.Draw(t, "name")), " "), Address: rapid.StringMatching(`[a-z]{1,5}(\.[a-z]{1,3})?@[a-z]{1,5}\.se`).Draw(t, "address")}
			field = append(field, a.String())
			local, host, _ := strings.Cut(a.Address, "@")
			want = append(want, show([]Mailbox{{Name: a.Name, Local: local, Host: host}}))
		}
		if got := show(ParseAddresses(strings.Join(field, ", "), 0)); got != strings.Join(want, " ") {
			t.Fatalf("%q\n got %s\nwant %s", field, got, want)
		}
	})
}

func FuzzParseAddresses(f *testing.F) {
	for _, s := range []string{`A "b" <c@d>, (e) f@g;`, "x: =?utf-8?q?a?=@[::1] <<@a:b@c>", `"\"" @ '`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		depth := 0
		for _, m := range ParseAddresses(s, 50) {
			for _, v := range []string{m.Name, m.Local, m.Host} {
				if !utf8.ValidString(v) {
					t.Fatalf("%q: %q", s, m)
				}
			}
			switch {
			case m == Mailbox{}:
				depth--
			case m.Local == "" && m.Host == "":
				depth++
			}
			if depth < 0 || depth > 1 {
				t.Fatalf("%q: groups do not match: %q", s, ParseAddresses(s, 50))
			}
		}
		if depth != 0 {
			t.Fatalf("%q: a group stays open", s)
		}
	})
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	const want = "2026-03-09T08:05:06Z"
	for _, tt := range []struct{ reason, in, want string }{
		{"RFC 5322 section 3.3", "Mon, 9 Mar 2026 09:05:06 +0100", want},
		{"no weekday", "9 Mar 2026 09:05:06 +0100", want},
		{"no seconds", "Mon, 09 Mar 2026 09:05 +0100", "2026-03-09T08:05:00Z"},
		{"a comment", "Mon, 9 Mar 2026 09:05:06 +0100 (CET)", want},
		{"comments everywhere", "Mon (x), 9 Mar (y(z)) 2026 09:05:06 +0100", want},
		{"two digits of year (RFC 5322 section 4.3)", "Mon, 9 Mar 26 09:05:06 +0100", want},
		{"two digits of the last century", "9 Mar 98 09:05:06 +0000", "1998-03-09T09:05:06Z"},
		{"three digits of year", "9 Mar 126 09:05:06 +0100", want},
		{"a named zone", "9 Mar 2026 03:05:06 EST", want},
		{"GMT with an offset", "9 Mar 2026 09:05:06 GMT+0100", want},
		{"a Swedish zone", "9 Mar 2026 09:05:06 CET", want},
		{"no zone is UTC", "9 Mar 2026 08:05:06", want},
		{"an unknown zone is UTC", "9 Mar 2026 08:05:06 Q", want},
		{"asctime", "Mon Mar  9 08:05:06 2026", want},
		{"RFC 3339", "2026-03-09T09:05:06+01:00", want},
		{"ISO 8601 with a space", "2026-03-09 08:05:06", want},
		{"hyphens", "09-Mar-2026 09:05:06 +0100", want},
		{"west of UTC", "Sun, 8 Mar 2026 22:05:06 -1000", want},
		{"a Swedish month", "9 maj 2026 08:05:06", "2026-05-09T08:05:06Z"},
		{"a long month", "9 March 2026 08:05:06", want},
		{"fractions", "9 Mar 2026 08:05:06.123", want},
		{"a leap second", "31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"no time", "9 Mar 2026", "2026-03-09T00:00:00Z"},
		{"a zone that is none", "9 Mar 2026 08:05:06 +9999", want},
		{"no such day", "31 Feb 2026 08:05:06 +0100", ""},
		{"no such hour", "9 Mar 2026 24:05:06 +0100", ""},
		{"no date", "yesterday", ""},
		{"nothing", "", ""},
		{"a comment left open", "9 Mar 2026 08:05:06 (x", want},
	} {
		got, ok := ParseDate(tt.in)
		if s := got.UTC().Format(time.RFC3339); ok != (tt.want != "") || ok && s != tt.want {
			t.Errorf("%s: %q is %s %v, want %s", tt.reason, tt.in, s, ok, tt.want)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, want string }{
		{"one", "<a@b>", "a@b"},
		{"several", "<a@b> <c@d>\t<e@f>", "a@b c@d e@f"},
		{"nothing between", "<a@b><c@d>", "a@b c@d"},
		{"a fold inside", "<a\t@b>", "a@b"},
		{"words before (RFC 5322 section 4.5.4)", `"Your mail of Monday" <a@b>`, "a@b"},
		{"no brackets", "a@b, c@d", "a@b c@d"},
		{"a bracket left open", "<a@b <c@d>", "a@b c@d"},
		{"none", "hello", ""},
		{"empty brackets", "<>", ""},
	} {
		if got := strings.Join(MessageIDs(tt.in), " "); got != tt.want {
			t.Errorf("%s: %q gives %q, want %q", tt.reason, tt.in, got, tt.want)
		}
	}
}
