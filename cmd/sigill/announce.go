package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sigill/cmd/sigill/internal/demo"
)

// announcement tells where a demo is and who is in it. Its JSON is a contract: other people's scripts read it.
type announcement struct {
	Submission        string               `json:"submission"`  // STARTTLS, then AUTH
	Submissions       string               `json:"submissions"` // TLS from the first octet, then AUTH
	SMTP              string               `json:"smtp"`        // the connector for the organisation's mail system
	IMAP              string               `json:"imap"`        // TLS from the first octet
	Web               string               `json:"web"`
	Mailbox           string               `json:"mailbox"`
	EID               string               `json:"eid"`
	CA                string               `json:"ca"`
	Staff             []announcedStaff     `json:"staff"`
	FunctionAddresses []announcedFunction  `json:"function_addresses"`
	Persons           []announcedRecipient `json:"persons"`
}

type announcedStaff struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Password string `json:"password"`
}

type announcedFunction struct {
	Address string   `json:"address"`
	Members []string `json:"members"`
}

type announcedRecipient struct {
	Name           string `json:"name"`
	PersonalNumber string `json:"personal_number"` // 12 digits
	Address        string `json:"address"`
}

// people fills in who is in the demo.
func (a *announcement) people() {
	for _, s := range demo.TheStaff() {
		a.Staff = append(a.Staff, announcedStaff{s.Name, s.Address.String(), s.Password})
	}
	f := announcedFunction{Address: demo.TheFunctionAddress().Address.String()}
	for _, m := range demo.TheFunctionAddress().Members {
		f.Members = append(f.Members, m.String())
	}
	a.FunctionAddresses = []announcedFunction{f}
	for _, p := range demo.ThePersons() {
		a.Persons = append(a.Persons, announcedRecipient{p.Name, p.Number.Digits(), p.Address.String()})
	}
}

func (a announcement) writeJSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(a) // one line
}

// writeText tells the same to a person.
func (a announcement) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	fmt.Fprintf(t, "Sigill demo: %s. Everything is on this machine; Ctrl-C ends it.\n\n", demo.Organisation)
	line("  Web, for staff and recipients", a.Web)
	line("  The recipients' mail", a.Mailbox)
	line("  Submission (STARTTLS)", a.Submission)
	line("  Submission (TLS)", a.Submissions)
	line("  Connector for a mail system", a.SMTP)
	line("  IMAP (TLS)", a.IMAP)
	line("  e-ID", a.EID)
	line("  Certificate to trust", a.CA)
	fmt.Fprintln(t, "\nStaff, for web, IMAP and submission:")
	for _, s := range a.Staff {
		line("  "+s.Name, s.Address, s.Password)
	}
	fmt.Fprintf(t, "  With a role: %s. Their pages: %s/admin\n", strings.Join(roleHolders(), ", "), a.Web)
	for _, f := range a.FunctionAddresses {
		fmt.Fprintf(t, "\nFunction address %s, read and answered by:\n", f.Address)
		for _, m := range f.Members {
			line("  " + m)
		}
	}
	fmt.Fprintln(t, "\nRecipients, with test numbers for the e-ID:")
	for _, p := range a.Persons {
		line("  "+p.Name, p.Address, p.PersonalNumber)
	}
	fmt.Fprintln(t, "\nTry it:")
	fmt.Fprintf(t, "  curl --cacert %s --ssl-reqd smtp://%s --user %s:%s \\\n", quoted(a.CA), a.Submission, a.Staff[0].Address, a.Staff[0].Password)
	fmt.Fprintf(t, "    --mail-from %s --mail-rcpt %s --crlf --upload-file - <<'MAIL'\n", a.Staff[0].Address, a.Persons[0].Address)
	fmt.Fprintf(t, "From: %s <%s>\nTo: %s <%s>\nSubject: [secure] Your case\n\nHello %s.\nMAIL\n\n",
		a.Staff[0].Name, a.Staff[0].Address, a.Persons[0].Name, a.Persons[0].Address, strings.Fields(a.Persons[0].Name)[0])
	fmt.Fprintln(t, "  Then open the recipients' mail, follow the link and log in with the recipient's test number.")
	return t.Flush()
}

// roleHolders are the staff with a role.
func roleHolders() (out []string) {
	for _, s := range demo.TheStaff() {
		if names := roleNames(s.Roles); names != "" {
			out = append(out, s.Name+" ("+names+")")
		}
	}
	return out
}

// quoted is a word for a shell, whatever is in it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
