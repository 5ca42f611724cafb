package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
	"sigill/policy"
)

// noticePatience is how long a notice may be on its way in a demo.
const noticePatience = 30 * time.Second

// journey is what the people of a stage do, with clients of their own and over the wire.
type journey struct{ stage *stage }

func (j journey) tls() *tls.Config { return &tls.Config{RootCAs: j.stage.certificates.Authority} }

func (j journey) submission(s demo.Staff) client.Submission {
	host, _, _ := strings.Cut(j.stage.places.Submission, ":")
	config := j.tls()
	config.ServerName = host
	return client.Submission{Address: j.stage.places.Submission, TLS: config, Username: s.Address.String(), Password: s.Password}
}

func (j journey) account(s demo.Staff) client.Account {
	config := j.tls()
	config.ServerName = "127.0.0.1"
	return client.Account{Address: j.stage.places.IMAP, TLS: config, Username: s.Address.String(), Password: s.Password}
}

func (j journey) browser() *client.Browser { return client.NewBrowser(j.tls()) }

// mark is where the outgoing mail is now, to wait for what comes later.
func (j journey) mark() int {
	mails := j.stage.sink.Mails()
	if len(mails) == 0 {
		return 0
	}
	return mails[len(mails)-1].Number
}

// awaitMail gives the first mail after mark to any of these addresses.
func (j journey) awaitMail(ctx context.Context, after int, to ...policy.Address) (demo.Mail, error) {
	ctx, cancel := context.WithTimeout(ctx, noticePatience)
	defer cancel()
	return j.stage.sink.Await(ctx, after, func(m demo.Mail) bool {
		return slices.ContainsFunc(to, func(a policy.Address) bool {
			return slices.ContainsFunc(m.To, func(sent string) bool { return strings.EqualFold(sent, a.String()) })
		})
	})
}

// link is the one address of our web in a notice.
func (j journey) link(notice demo.Mail) (string, error) {
	for _, l := range client.LinksIn(notice.Data) {
		if strings.HasPrefix(l, j.stage.places.Web+"/") {
			return l, nil
		}
	}
	return "", errors.New("the notice has no link to the web")
}

// staffAt opens an address as a staff member who has to log in first.
func (j journey) staffAt(ctx context.Context, b *client.Browser, s demo.Staff, address string) (*client.Page, error) {
	page, err := b.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	form, err := page.Form("username", "password")
	if err != nil { // the page that asks who comes
		door, doorErr := page.Link("/staff/login")
		if doorErr != nil {
			return page, nil // logged in already
		}
		if page, err = b.Follow(ctx, page, door); err != nil {
			return nil, err
		}
		if form, err = page.Form("username", "password"); err != nil {
			return nil, err
		}
	}
	return b.Submit(ctx, form, map[string]string{"username": s.Address.String(), "password": s.Password})
}

// complete gives a test number for every recipient a hold asks for.
func (j journey) complete(ctx context.Context, b *client.Browser, hold *client.Page, number func(field string) string) error {
	form, err := hold.FormTo("/holds/")
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, field := range form.Fields() {
		values[field] = number(field)
	}
	if len(values) == 0 {
		return errors.New("the page asks for no number")
	}
	page, err := b.Submit(ctx, form, values)
	if err != nil {
		return err
	}
	if page.Status != http.StatusOK || !strings.HasSuffix(page.URL.Path, "/done") {
		return fmt.Errorf("the numbers were not taken: %d at %s", page.Status, page.URL.Path)
	}
	return nil
}

// follow opens a notice's link as a person: landing page, login with e-ID, and what comes after.
func (j journey) follow(ctx context.Context, b *client.Browser, link string, p policy.PersonID) (*client.Page, error) {
	landing, err := b.Open(ctx, link)
	if err != nil {
		return nil, err
	}
	if landing.Status != http.StatusOK {
		return nil, fmt.Errorf("the link's page answered %d", landing.Status)
	}
	form, err := landing.FormTo("/login/")
	if err != nil { // logged in already
		if form, err = landing.FormTo("/m/"); err != nil {
			return nil, err
		}
		return b.Submit(ctx, form, nil)
	}
	eid, err := b.Submit(ctx, form, nil)
	if err != nil {
		return nil, err
	}
	return j.identify(ctx, b, eid, p)
}

// identify fills in the e-ID's form.
func (j journey) identify(ctx context.Context, b *client.Browser, eid *client.Page, p policy.PersonID) (*client.Page, error) {
	form, err := eid.Form("personal_number")
	if err != nil {
		return nil, fmt.Errorf("no e-ID form: %w", err)
	}
	return b.Submit(ctx, form, map[string]string{"personal_number": p.Digits()})
}

// download follows a link of a message's page and gives what it leads to.
func (j journey) download(ctx context.Context, b *client.Browser, page *client.Page, part string) ([]byte, error) {
	href, err := page.Link(part)
	if err != nil {
		return nil, err
	}
	file, err := b.Follow(ctx, page, href)
	if err != nil {
		return nil, err
	}
	if file.Status != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", part, file.Status)
	}
	return file.Body, nil
}

// isMessage says why a page shows no message; nil if it does.
func isMessage(p *client.Page) error {
	if p.Status != http.StatusOK || !strings.HasPrefix(p.URL.Path, "/messages/") {
		return fmt.Errorf("no message, but %d at %s", p.Status, p.URL.Path)
	}
	return nil
}

// reply answers a message on the web and gives the page with the receipt.
func (j journey) reply(ctx context.Context, b *client.Browser, message *client.Page, text string, files ...client.File) (*client.Page, error) {
	href, err := message.Link("/reply")
	if err != nil {
		return nil, err
	}
	page, err := b.Follow(ctx, message, href)
	if err != nil {
		return nil, err
	}
	form, err := page.Form("text")
	if err != nil {
		return nil, err
	}
	if len(form.FileFields()) == 0 && len(files) > 0 {
		return nil, errors.New("the form takes no files")
	}
	for i := range files {
		files[i].Field = form.FileFields()[0]
	}
	receipt, err := b.Submit(ctx, form, map[string]string{"text": text}, files...)
	if err != nil {
		return nil, err
	}
	if receipt.Status != http.StatusOK || !strings.HasPrefix(receipt.URL.Path, "/receipts/") {
		return nil, fmt.Errorf("no receipt, but %d at %s", receipt.Status, receipt.URL.Path)
	}
	return receipt, nil
}

// written gives the mail a receipt is for, as its writer can fetch it.
func (j journey) written(ctx context.Context, b *client.Browser, receipt *client.Page) ([]byte, error) {
	id := strings.TrimPrefix(receipt.URL.Path, "/receipts/")
	page, err := b.Follow(ctx, receipt, "/messages/"+id)
	if err != nil {
		return nil, err
	}
	if err := isMessage(page); err != nil {
		return nil, err
	}
	return j.download(ctx, b, page, "/raw")
}

// inIMAP finds a mail, byte for byte, in a mailbox.
func (j journey) inIMAP(ctx context.Context, s demo.Staff, mailbox string, raw []byte) (client.Fetched, error) {
	all, err := j.account(s).Fetch(ctx, mailbox)
	if err != nil {
		return client.Fetched{}, err
	}
	for _, m := range all {
		if bytes.Equal(m.Raw, raw) {
			return m, nil
		}
	}
	return client.Fetched{}, fmt.Errorf("none of the %d messages in %s is it, octet for octet", len(all), mailbox)
}

// inbox is the IMAP mailbox that mail to a member of staff or to the function address comes to.
func inbox(a policy.Address) string {
	if a.Key() == demo.TheFunctionAddress().Address.Key() {
		return "Shared/" + a.String()
	}
	return "INBOX"
}

// stranger sees that somebody else's link is answered as one that does not exist.
func (j journey) stranger(ctx context.Context, link string, p policy.PersonID) error {
	b := j.browser()
	defer b.Close()
	other, err := j.follow(ctx, b, link, p)
	if err != nil {
		return err
	}
	if other.Status != http.StatusNotFound {
		return fmt.Errorf("the link answered %d", other.Status)
	}
	none, err := j.follow(ctx, b, j.stage.places.Web+"/m/"+strings.Repeat("a", 26), p)
	if err != nil {
		return err
	}
	if none.Status != other.Status || none.URL.Path != other.URL.Path {
		return errors.New("the answer tells that there is a message")
	}
	return client.Same(none.Body, other.Body)
}
