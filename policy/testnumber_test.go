package policy

import "testing"

func TestNumbersOfTheList(t *testing.T) {
	t.Parallel()
	for _, n := range testNumbers {
		if _, err := ParsePersonID(n); err != nil {
			t.Errorf("a number of the list is refused: %v", err)
		}
	}
}

func TestWhatIsATestNumber(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		number string
		want   bool
		why    string
	}{
		{"198506142382", true, "birth number 238 in the years of the rule"},
		{"197711032396", true, "birth number 239 in the years of the rule"},
		{"199001012385", true, "a hole of the rule, but the number itself is in the list"},
		{"198000602394", true, "a samordningsnummer whose birth date is not known"},
		{"191212121212", false, "Tolvan is dear to all but no test number"},
		{"198112189876", false, "the Tax Agency's example on paper is not in its list"},
		{"197010632391", false, "nor is its example of a samordningsnummer"},
	} {
		p, err := ParsePersonID(row.number)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Test(); got != row.want {
			t.Errorf("%v: got %v (%s)", p, got, row.why)
		}
	}
}
