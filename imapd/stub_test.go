package imapd

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigill/policy"
)

func stubbed(c *Config) {
	c.Stubs = Stubs{
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("127.0.0.0/8")},
		From:     policy.MustAddress("sakert@kommun.example"), WebURL: "https://sakert.kommun.example",
	}
}

func TestStubs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stubbed)
	var ids []string
	for i := range 3 {
		secret := strings.Repeat("hemligt innehåll ", 100*i+1)
		ids = append(ids, f.deposit(crlf(fmt.Sprintf("From: Bo <bo@kommun.example>\nTo: anna@kommun.example\nSubject: hemligt ämne %d\nMessage-ID: <hemligt%d@kommun.example>\n\n%s\n", i, i, secret)), anna).ID.String())
	}
	w := f.login(anna)
	w.ok("SELECT INBOX")
	all := w.ok("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1] BODY.PEEK[])")
	for _, item := range []string{"RFC822", "RFC822.HEADER", "RFC822.TEXT", "BODY[TEXT]", "BODY[1]<0.50>", "BODY[HEADER.FIELDS (SUBJECT FROM MESSAGE-ID)]", "BODY[1.MIME]"} {
		all += w.ok("FETCH 1:* (%s)", item)
	}
	if strings.Contains(all, "hemligt") || strings.Contains(all, "bo@") {
		t.Errorf("a stub tells of its message:\n%s", all)
	}
	for _, id := range ids {
		if !strings.Contains(all, "https://sakert.kommun.example/messages/"+id+"\r\n") {
			t.Errorf("no link to %s", id)
		}
	}
	sizes := regexp.MustCompile(`RFC822\.SIZE (\d+)`).FindAllStringSubmatch(all, -1)
	whole := regexp.MustCompile(`BODY\[\] \{(\d+)\}`).FindAllStringSubmatch(all, -1)
	if len(sizes) != 3 || len(whole) != 3 {
		t.Fatalf("sizes %v, bodies %v:\n%s", sizes, whole, all)
	}
	for i := range sizes {
		if sizes[i][1] != sizes[0][1] || whole[i][1] != sizes[0][1] {
			t.Errorf("message %d: size %s, literal %s", i+1, sizes[i][1], whole[i][1])
		}
	}
	size, _ := strconv.Atoi(sizes[0][1])
	if got := w.ok("STATUS INBOX (MESSAGES UNSEEN SIZE)"); !strings.Contains(got, fmt.Sprintf("SIZE %d", 3*size)) || !strings.Contains(got, "UNSEEN 3") {
		t.Errorf("status %q: a stub that was fetched is not a message that was read", got)
	}
	for criteria, want := range map[string]string{
		"TEXT hemligt": "", "BODY hemligt": "", "SUBJECT hemligt": "", "FROM bo@kommun.example": "", "HEADER MESSAGE-ID hemligt": "",
		"TEXT webben": "1 2 3", "SUBJECT Secure": "1 2 3", fmt.Sprintf("LARGER %d", size-1): "1 2 3", fmt.Sprintf("LARGER %d", size): "",
	} {
		if got := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(w.ok("SEARCH %s", criteria)), "* SEARCH")); got != want {
			t.Errorf("search %s: %q, want %q", criteria, got, want)
		}
	}
	if n := f.reads(); n != 0 {
		t.Errorf("%d reads in the audit", n)
	}
	w.ok(`STORE 1 +FLAGS (\Seen)`)
	w.ok("MOVE 1 Trash")
	w.send("z APPEND Drafts {10+}\r\n0123456789\r\n")
	if got := w.response(); !strings.HasPrefix(got, "z NO [CANNOT]") {
		t.Errorf("append: %q", got)
	}
}

func TestStubsAreForTheirNetworks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stubbed, func(c *Config) { c.Stubs.Networks = c.Stubs.Networks[:1] })
	f.deposit(crlf("From: bo@kommun.example\nSubject: hemligt\n\ntext\n"), anna)
	w := f.login(anna)
	w.ok("SELECT INBOX")
	if got := w.ok("FETCH 1 (BODY[])"); !strings.Contains(got, "Subject: hemligt") || f.reads() != 1 {
		t.Errorf("elsewhere: %q", got)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.7.0/24")} })
	from := func(ip, addr string) *wire {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", addr)
		f.must(err)
		return f.wire(c)
	}
	if got := from("127.0.0.1", f.starttls).response(); got != "* BYE This server is for other networks\r\n" {
		t.Errorf("outside, STARTTLS: %q", got)
	}
	if got := from("127.0.0.1", f.implicit).response(); got != "" {
		t.Errorf("outside, implicit TLS: %q", got)
	}
	if got := from("127.0.7.1", f.starttls).response(); !strings.HasPrefix(got, "* OK [CAPABILITY ") {
		t.Errorf("inside: %q", got)
	}
}
