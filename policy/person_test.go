package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestParsePersonID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, in, want string
		err              error
	}{
		{"a personnummer of SKV 704", "19640823-3234", "196408233234", nil},
		{"without the hyphen", "196408233234", "196408233234", nil},
		{"with spaces", " 1964 08 23 3234 ", "196408233234", nil},
		{"with a no-break space", "19640823\u00a03234", "196408233234", nil},
		{"with the hyphen of a word processor", "19640823–3234", "196408233234", nil},
		{"with a mark that shows as nothing", "19640823\u200b3234", "196408233234", nil},
		{"a samordningsnummer of SKV 707", "19701063-2391", "197010632391", nil},
		{"a test number of the Tax Agency", "199908072391", "199908072391", nil},
		{"somebody born in 1890", "189001019802", "189001019802", nil},
		{"a leap day", "200002292381", "200002292381", nil},
		{"samordningsnummer, day 60: unknown", "197010602394", "197010602394", nil},
		{"samordningsnummer, month 00: unknown", "197000632393", "197000632393", nil},
		{"samordningsnummer, both", "197000602396", "197000602396", nil},
		{"samordningsnummer, day 91 is the 31st", "197010912397", "197010912397", nil},
		{"samordningsnummer, day 92 is none", "197010922396", "", ErrPersonDate},
		{"samordningsnummer, day 93 is none", "197010932395", "", ErrPersonDate},
		{"no leap day in 1900", "190002299808", "", ErrPersonDate},
		{"no 30th of February", "202402302380", "", ErrPersonDate},
		{"month 13", "197013912394", "", ErrPersonDate},
		{"month 00 of a personnummer", "197000232391", "", ErrPersonDate},
		{"day 00 of a personnummer", "197010002391", "", ErrPersonDate},
		{"day 43", "197004312398", "", ErrPersonDate},
		{"before 1800", "179912312395", "", ErrPersonDate},
		{"a wrong check digit", "196408233235", "", ErrPersonCheckDigit},
		{"two digits changed about", "196408232334", "", ErrPersonCheckDigit},
		{"no century: two people may have it", "640823-3234", "", ErrPersonLength},
		{"a plus for those over 100", "640823+3234", "", ErrPersonLength},
		{"too short", "19640823323", "", ErrPersonLength},
		{"too long", "1964082332341", "", ErrPersonLength},
		{"nothing", "", "", ErrPersonLength},
		{"a letter", "19640823323A", "", ErrPersonLength},
		{"digits that are not ASCII", "١٩٦٤٠٨٢٣٣٢٣٤", "", ErrPersonLength},
		{"an interim number", "19640823-T234", "", ErrPersonInterim},
		{"an interim number without a century", "640823-T234", "", ErrPersonInterim},
		{"an organisation", "212000-0142", "", ErrPersonOrganisation},
		{"an organisation in 12 digits", "162120000142", "", ErrPersonOrganisation},
	} {
		got, err := ParsePersonID(tt.in)
		if got.Digits() != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q is %q %v, want %q %v", tt.reason, tt.in, got.Digits(), err, tt.want, tt.err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "3456789") {
			t.Errorf("%s: the error tells digits: %v", tt.reason, err)
		}
	}
}

func TestPersonID(t *testing.T) {
	t.Parallel()
	p, same, other := MustPersonID("196408233234"), MustPersonID("19640823-3234"), MustPersonID("197010632391")
	if p != same || p == other || p == (PersonID{}) {
		t.Error("the same number is ==, others are not")
	}
	if p.Coordination() || !other.Coordination() || (PersonID{}).Coordination() {
		t.Error("Coordination")
	}
	if z := (PersonID{}); !z.IsZero() || p.IsZero() || z.Digits() != "" || z.Masked() != "" {
		t.Error("the zero value")
	}
	if p.Masked() != "19640823-****" {
		t.Errorf("masked: %s", p.Masked())
	}
	defer func() {
		if r := recover(); r == nil || strings.Contains(fmt.Sprint(r), "3235") {
			t.Errorf("MustPersonID of a bad number: %v", r)
		}
	}()
	MustPersonID("196408233235")
}

// No way of printing shows the number, however deep it lies.
func TestPersonIDPrintsMasked(t *testing.T) {
	t.Parallel()
	p := MustPersonID("196408233234")
	type open struct{ Person PersonID }
	type hidden struct{ person PersonID }
	values := map[string]any{
		"a number": p, "a pointer": &p, "an exported field": open{p}, "an unexported field": hidden{p}, "a pointer to one": &hidden{p},
		"an error": fmt.Errorf("no: %v", p), "a slice": []PersonID{p}, "a slice of fields": []hidden{{p}}, "a map": map[string]PersonID{"x": p},
		"a key": map[PersonID]int{p: 1}, "a field in a field": struct{ h hidden }{hidden{p}}, "an interface": []any{hidden{p}},
	}
	// Not the last four digits alone: addresses in memory may hold them.
	forms := []string{"8233234", fmt.Sprintf("%x", "8233234"), fmt.Sprintf("% x", "8233234"), "51 50 51 52", "0x33, 0x32, 0x33"}
	for what, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%20v", "%!"} {
			check(t, what+" by "+verb, fmt.Sprintf(verb, v), forms)
		}
		check(t, what+" by Sprint", fmt.Sprint(v), forms)
		check(t, what+" by Sprintln", fmt.Sprintln(v), forms)
		if b, err := json.Marshal(v); err == nil {
			check(t, what+" in JSON", string(b), forms)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		check(t, what+" in a log", log.String(), forms)
	}
	if b, _ := json.Marshal(open{p}); string(b) != `{"Person":"19640823-****"}` {
		t.Errorf("JSON: %s", b)
	}
	for i := range reflect.TypeFor[PersonID]().NumField() {
		if reflect.TypeFor[PersonID]().Field(i).Type.Kind() == reflect.String {
			t.Error("a field of type string: fmt prints it when the number lies in an unexported field")
		}
	}
}

func check(t *testing.T, what, s string, forms []string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(s, form) {
			t.Errorf("%s shows %s: %s", what, form, s)
		}
	}
}

func FuzzParsePersonID(f *testing.F) {
	for _, s := range []string{"19640823-3234", "197010632391", "212000-0142", "640823-T234", "ååååå"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePersonID(s)
		if (err == nil) == p.IsZero() {
			t.Fatalf("%q: zero is %v with %v", s, p.IsZero(), err)
		}
		if err != nil {
			return
		}
		if back, err := ParsePersonID(p.Digits()); err != nil || back != p || len(p.Digits()) != 12 {
			t.Fatalf("%q is %q, which is %q, %v", s, p.Digits(), back.Digits(), err)
		}
	})
}
