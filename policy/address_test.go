package policy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, want string }{
		{"plain", "anna@kommun.se", "anna@kommun.se"},
		{"in brackets", " <anna@kommun.se> ", "anna@kommun.se"},
		{"the domain in lower case, the local part as it is (RFC 5321 section 2.4)", "Anna@Kommun.SE", "Anna@kommun.se"},
		{"dots and signs (RFC 5322 section 3.2.3)", "a.b+c!#$%&'*/=?^_`{|}~-@x.se", "a.b+c!#$%&'*/=?^_`{|}~-@x.se"},
		{"UTF-8 (RFC 6531)", "åsa@räksmörgås.se", "åsa@räksmörgås.se"},
		{"capitals outside ASCII", "a@RÄKSMÖRGÅS.se", "a@räksmörgås.se"},
		{"a single label", "a@localhost", "a@localhost"},
		{"64 octets of local part (RFC 5321 section 4.5.3.1.1)", strings.Repeat("a", 64) + "@x.se", strings.Repeat("a", 64) + "@x.se"},
		{"65", strings.Repeat("a", 65) + "@x.se", ""},
		{"63 octets of label", "a@" + strings.Repeat("x", 63) + ".se", "a@" + strings.Repeat("x", 63) + ".se"},
		{"64 octets of label", "a@" + strings.Repeat("x", 64) + ".se", ""},
		{"longer than a path", "a@" + strings.Repeat("x.", 130) + "se", ""},
		{"nothing", "", ""},
		{"the null address", "<>", ""},
		{"no @", "anna", ""},
		{"no local part", "@x.se", ""},
		{"no domain", "a@", ""},
		{"two @", "a@b@x.se", ""},
		{"a dot first", ".a@x.se", ""},
		{"a dot last", "a.@x.se", ""},
		{"two dots", "a..b@x.se", ""},
		{"two dots in the domain", "a@x..se", ""},
		{"a dot at the end", "a@x.se.", ""},
		{"a hyphen first in a label", "a@-x.se", ""},
		{"a hyphen last in a label", "a@x-.se", ""},
		{"a quoted local part", `"a b"@x.se`, ""},
		{"an address literal", "a@[192.0.2.1]", ""},
		{"a display name", "Anna <a@x.se>", ""},
		{"a route", "<@y.se:a@x.se>", ""},
		{"two addresses", "a@x.se,b@x.se", ""},
		{"a space inside", "a b@x.se", ""},
		{"a line end inside", "a\r\nb@x.se", ""},
		{"NUL", "a\x00@x.se", ""},
		{"DEL", "a\x7f@x.se", ""},
		{"a C1 control character", "a\u0085@x.se", ""},
		{"a no-break space", "a\u00a0b@x.se", ""},
		{"a no-break space in the domain", "a@x\u00a0y.se", ""},
		{"a zero width space", "a\u200b@x.se", ""},
		{"a mark of direction", "a\u202e@x.se", ""},
		{"a full width dot in the domain", "a@x．se", ""},
		{"an ideographic full stop in the domain", "a@x。se", ""},
		{"a slash that is none in the domain", "a@x\u2044y.se", ""},
		{"invalid UTF-8", "\xe5sa@x.se", ""},
		{"a bracket left open", "<a@x.se", ""},
	} {
		got, err := ParseAddress(tt.in)
		if got.String() != tt.want || (err == nil) != (tt.want != "") || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %q is %q %v, want %q", tt.reason, tt.in, got, err, tt.want)
		}
	}
}

func TestAddressAsText(t *testing.T) {
	t.Parallel()
	if a, b := MustAddress("Anna@X.se"), MustAddress("anna@x.SE"); a == b || a.Key() != b.Key() {
		t.Errorf("%v and %v are one mailbox by key and two spellings", a, b)
	}
	for _, a := range []Address{{}, MustAddress("Åsa@x.se")} {
		b, err := json.Marshal(a)
		var back Address
		if err == nil {
			err = json.Unmarshal(b, &back)
		}
		if err != nil || back != a || a.IsZero() != (string(b) == `""`) {
			t.Errorf("%v: %s, back %v, %v", a, b, back, err)
		}
	}
	var a Address
	if err := json.Unmarshal([]byte(`"x"`), &a); !errors.Is(err, ErrAddress) {
		t.Errorf("a bad address in JSON: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("MustAddress took a bad address")
		}
	}()
	MustAddress("x")
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"a@b.se", "<å@ä.se>", "a@b\u00a0", "İ@İ.se", "a@\u212a.se"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if !errors.Is(err, ErrAddress) || !a.IsZero() {
				t.Fatalf("%q: %v %v", s, a, err)
			}
			return
		}
		if strings.ContainsAny(a.String(), " \r\n\t<>\"(),;:\x00") || strings.Count(a.String(), "@") != 1 {
			t.Fatalf("%q is %q", s, a)
		}
		back, err := ParseAddress(a.String())
		if err != nil || back != a || back.Key() != a.Key() {
			t.Fatalf("%q is %q, which is %q %v", s, a, back, err)
		}
	})
}
