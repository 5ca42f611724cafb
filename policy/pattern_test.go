package policy

import "testing"

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, entry, address string
		want                   bool
	}{
		{"an address", "Anna@Kommun.se", "anna@kommun.se", true},
		{"in capitals", "anna@kommun.se", "ANNA@KOMMUN.SE", true},
		{"another address", "anna@kommun.se", "anna.b@kommun.se", false},
		{"a domain", "kommun.se", "anna@kommun.se", true},
		{"a domain with its sign", "@kommun.se", "anna@kommun.se", true},
		{"not what is below it", "kommun.se", "anna@skola.kommun.se", false},
		{"not what ends so", "kommun.se", "anna@minkommun.se", false},
		{"with a dot: the domain itself", ".kommun.se", "anna@kommun.se", true},
		{"with a dot: below it", ".kommun.se", "anna@a.skola.kommun.se", true},
		{"with a dot: not what ends so", ".kommun.se", "anna@minkommun.se", false},
		{"the null address", "kommun.se", "", false},
	} {
		var a Address
		if tt.address != "" {
			a = MustAddress(tt.address)
		}
		if got := MustPattern(tt.entry).Matches(a); got != tt.want {
			t.Errorf("%s: %q and %q: %v", tt.reason, tt.entry, tt.address, got)
		}
	}
	if (Pattern{}).Matches(MustAddress("anna@kommun.se")) {
		t.Error("the zero value matches")
	}
	for _, bad := range []string{"", "@", ".", "*", "*.se", "a b", "a@b@c d", "..se", "@.kommun.se"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is an entry", bad)
		}
	}
}
