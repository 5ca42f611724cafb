package vault

import (
	"slices"
	"testing"
)

// TestKeywordCase: a keyword is the same in any case (RFC 3501 section 9) and stays as it was spelled first.
func TestKeywordCase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why       string
		how       FlagChange
		has, with []string
		want      []string
	}{
		{"there already", AddFlags, []string{"$ett"}, []string{"$ETT", "$Tva"}, []string{"$Tva", "$ett"}},
		{"twice in one command", AddFlags, nil, []string{"$Ett", "$ett"}, []string{"$Ett"}},
		{"removed", RemoveFlags, []string{"$Ett", "$tva"}, []string{"$ETT"}, []string{"$tva"}},
		{"replaced", SetFlags, []string{"$ett"}, []string{"$ETT", "$Ett"}, []string{"$ETT"}},
		{"the vault's own are nobody's", AddFlags, []string{"$SigillOpened"}, []string{"$sigillopened"}, []string{"$SigillOpened"}},
	} {
		if got := row.how.apply(marks{keywords: row.has}, 0, row.with).keywords; !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.why, got, row.want)
		}
	}
}
