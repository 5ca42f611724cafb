package web

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"sigill/vault"
	"sigill/web/export"
)

// caseFile is metadata.json of an export for a case system. Identity numbers are masked: who needs them has them there.
type caseFile struct {
	Format       string          `json:"format"`
	Organisation string          `json:"organisation"`
	Exported     time.Time       `json:"exported"`
	ExportedBy   string          `json:"exported_by"`
	ID           string          `json:"id"`
	Conversation string          `json:"conversation"`
	Others       []string        `json:"other_messages_of_the_conversation"`
	MessageID    string          `json:"message_id,omitempty"`
	Received     time.Time       `json:"received"`
	Sender       string          `json:"sender"`
	FromPerson   bool            `json:"sender_is_a_person_outside"`
	Subject      string          `json:"subject"`
	Recalled     *time.Time      `json:"recalled,omitempty"`
	Recipients   []caseRecipient `json:"recipients"`
	Files        []casePart      `json:"files"`
	Malware      *caseMalware    `json:"malware,omitempty"`
	Purpose      string          `json:"purpose,omitempty"`
	LegalBasis   string          `json:"legal_basis,omitempty"`
}

// caseMalware is what was found; with a name that is empty the scanner has not looked yet.
type caseMalware struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

type caseRecipient struct {
	Address  string     `json:"address"`
	Kind     string     `json:"kind"`
	Identity string     `json:"identity_masked,omitempty"`
	History  []caseStep `json:"history"`
}

type caseStep struct {
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

type casePart struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	// Fenced tells that the file is not in the export, since it may be malware; it is in the mail in the service.
	Fenced bool `json:"fenced,omitempty"`
}

// caseFormat names the fields, and changes when they do.
const caseFormat = "sigill-export-3"

// caseZip exports a message for a case system: the mail as it is, as PDF, its attachments, and what is known of it. It is
// made while it is sent. The audit tells of it before the first octet goes out, and not of the purpose.
func (s *Server) caseZip(v *visit, r *vault.Reader, c *vault.Content, info vault.Info) error {
	talk, err := r.Conversation(v.r.Context(), info.ID)
	if err != nil {
		return err
	}
	printed, err := s.printed(v, c, info)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := export.PDF(&pdf, printed); err != nil {
		return err
	}
	log := s.config.Vault.Audit()
	if err := log.Record(v.r.Context(), vault.Event{Actor: log.Actor(v.who), Action: "export", Message: info.ID, Result: "ok", Detail: string(vault.DoorWeb)}); err != nil {
		return err
	}
	fileHeaders(v.w.Header(), v.lang.text("file.message")+"-"+dayName(info)+"-"+info.ID.String()[:8]+".zip", "application/zip")
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	to := s.paced(v)
	z := &caseWriter{zipped: zipped{Writer: zip.NewWriter(to), at: info.At, used: map[string]bool{}}, about: s.caseFile(v, c, info, talk)}
	if err := z.all(v, c, &pdf); err != nil {
		s.cutOff(v, to, err)
	}
	return nil
}

func (s *Server) caseFile(v *visit, c *vault.Content, info vault.Info, talk []vault.Info) caseFile {
	f := caseFile{
		Format: caseFormat, Organisation: s.config.Organisation.Name, Exported: s.now().UTC().Truncate(time.Second), ExportedBy: v.who.Address().String(),
		ID: info.ID.String(), Conversation: info.Conversation.String(), MessageID: c.Index().Envelope.MessageID, Received: info.At,
		Sender: info.From.String(), FromPerson: info.FromPerson, Subject: c.Index().Envelope.Subject,
		Others: []string{}, Recipients: []caseRecipient{}, Files: []casePart{},
	}
	if !info.RecalledAt.IsZero() {
		f.Recalled = &info.RecalledAt
	}
	f.Purpose, f.LegalBasis = info.Purpose.Text, info.Purpose.Basis
	if info.Fence != nil {
		f.Malware = &caseMalware{info.Fence.Found, info.Fence.At}
	}
	for _, other := range talk {
		if other.ID != info.ID {
			f.Others = append(f.Others, other.ID.String())
		}
	}
	for _, to := range info.Recipients {
		one := caseRecipient{Address: to.Address.String(), Kind: string(to.Kind), Identity: to.Masked}
		for _, step := range append(slices.Clone(to.Past), vault.Step{Status: to.Status, At: to.At}) {
			one.History = append(one.History, caseStep{string(step.Status), step.At})
		}
		f.Recipients = append(f.Recipients, one)
	}
	return f
}

// caseWriter writes the files of an export and notes what they are.
type caseWriter struct {
	zipped
	about caseFile
}

func (z *caseWriter) all(v *visit, c *vault.Content, pdf io.Reader) error {
	if c.Fenced(&c.Index().Root) { // the other attachments and the text are there by themselves
		z.about.Files = append(z.about.Files, casePart{Name: "message.eml", Type: "message/rfc822", Size: c.Size(), Fenced: true})
	} else if err := z.part("message.eml", "message/rfc822", io.NewSectionReader(c, 0, c.Size())); err != nil {
		return err
	}
	if err := z.part("message.pdf", "application/pdf", pdf); err != nil {
		return err
	}
	for f, err := range attachedTo(v, c, nil) {
		name := "attachments/" + nameOf(v, f.file)
		switch {
		case err != nil:
			return err
		case f.Fenced:
			z.about.Files = append(z.about.Files, casePart{Name: name, Type: f.Type, Size: f.Size, Fenced: true})
		default:
			if err := z.part(name, f.Type, f.open()); err != nil {
				return err
			}
		}
	}
	about, err := json.MarshalIndent(z.about, "", "  ")
	if err != nil {
		return err
	}
	if err := z.add("metadata.json", bytes.NewReader(append(about, '\n'))); err != nil {
		return err
	}
	return z.Close()
}

// part adds a file and notes its size and checksum.
func (z *caseWriter) part(name, kind string, from io.Reader) error {
	name = z.name(name)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: z.at.In(stockholm)})
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), from)
	z.about.Files = append(z.about.Files, casePart{Name: name, Type: kind, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return err
}
