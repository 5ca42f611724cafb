package imapd

import (
	"slices"
	"strings"
	"testing"
)

// listed are the mailboxes of a LIST or LSUB, with the attributes that are asked about.
func listed(untagged string, attrs ...string) string {
	var out []string
	for line := range strings.Lines(untagged) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), `"/" `)
		for _, a := range attrs {
			if strings.Contains(line, a) {
				name += a
			}
		}
		out = append(out, strings.ReplaceAll(name, `"`, ""))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestSubscriptions: who says nothing is subscribed to everything; what is said is the account's own.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := f.login(anna), f.login(bo)
	const team = "Shared/omsorg@kommun.example"
	for _, c := range []struct {
		who           *wire
		command, want string
		why           string
	}{
		{a, `LSUB "" "Shared/%"`, team, "what came with membership"},
		{a, "UNSUBSCRIBE " + team, "", "one of many"},
		{a, `LIST (SUBSCRIBED) "" "Shared/*"`, team + "/Sent", "the others stay"},
		{a, `LSUB "" "Shared/%"`, team + `\Noselect`, "RFC 3501 section 6.3.9: something below it"},
		{a, `LIST (SUBSCRIBED RECURSIVEMATCH) "" "Shared/%"`, team + " (CHILDINFO (SUBSCRIBED))", "RFC 5258 section 3.5"},
		{a, `LIST "" "Shared/*" RETURN (SUBSCRIBED)`, team + " " + team + `/Sent\Subscribed`, "RFC 5258 section 3.2"},
		{b, `LSUB "" "Shared/*"`, team + " " + team + "/Sent", "somebody else has said nothing"},
		{a, "SUBSCRIBE " + team, "", "again"},
		{a, `LSUB "" "Shared/*"`, team + " " + team + "/Sent", "all"},
		{a, "CREATE " + team + "/Nya/Ett", "", "a client makes one, and the one above it"},
		{a, `LSUB "" "Shared/*Nya*"`, "", "and subscribes to it, or does not"},
		{b, `LSUB "" "Shared/*Nya*"`, team + "/Nya " + team + "/Nya/Ett", "others see it at once"},
		{a, "SUBSCRIBE " + team + "/Nya/Ett/", "", "it does"},
		{a, `LSUB "" "Shared/*Nya*"`, team + "/Nya/Ett", "so it shows"},
		{a, "CREATE Projekt", "", ""},
		{a, "SUBSCRIBE Projekt", "", ""},
		{a, "DELETE Projekt", "", ""},
		{a, `LIST (SUBSCRIBED) "" Projekt`, `Projekt\NonExistent`, "RFC 3501 section 6.3.6: a name stays"},
		{a, `LIST "" Projekt RETURN (SUBSCRIBED)`, "", "but in no other list"},
		{a, "UNSUBSCRIBE Projekt", "", "until it is said"},
		{a, `LSUB "" Projekt`, "", ""},
		{a, "CREATE Tillf", "", ""},
		{a, "DELETE Tillf", "", "it was not subscribed to"},
		{b, "UNSUBSCRIBE inbox", "", "INBOX is the same in any case"},
		{b, `LSUB "" INBOX`, "", ""},
	} {
		got := c.who.ok("%s", c.command)
		if got := listed(got, `\Noselect`, `\NonExistent`); !strings.Contains(c.command, "RETURN") && got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.why, c.command, got, c.want)
		}
		if got := listed(got, `\Subscribed`); strings.Contains(c.command, "RETURN") && got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.why, c.command, got, c.want)
		}
	}
	f.members(bo)
	if got := a.ok(`LIST (SUBSCRIBED) "" "Shared*"`); got != "" {
		t.Errorf("whose membership has ended: %q", got)
	}
}
