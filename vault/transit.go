package vault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrKeyUnavailable means that the key service cannot be reached, is sealed or is overloaded. Temporary: nothing is lost.
var ErrKeyUnavailable = errors.New("vault: the key service does not answer; this is temporary")

// TransitOptions say where a key lies in HashiCorp Vault or OpenBao.
type TransitOptions struct {
	Address   string // https://host:8200
	CA        string // file of certificates in PEM that the server is checked against; the system's if empty
	Namespace string // of Vault Enterprise or OpenBao; none if empty
	Mount     string // of the secrets engine; "transit" if empty
	Key       string // the key's name
	// Token is read at each request, so an agent may renew it in its file.
	Token SecretFile
	// RoleID and SecretID log in by AppRole, mounted at auth/approle, if Token is none.
	RoleID   string
	SecretID SecretFile
	// Timeout of one try; 10 s if 0. A request is tried at most transitTries times.
	Timeout time.Duration
}

// Transit is a [KeyWrapper] whose key never leaves HashiCorp Vault's Transit secrets engine. What it wraps is bound to the
// vault's id by associated data. A policy needs update on encrypt/KEY and decrypt/KEY and read on keys/KEY, and no more:
// rotation is the operator's, in Vault, and the vault turns to the new version by itself.
type Transit struct {
	client transitClient
	key    string
}

// transitTypes are the types of keys that take associated data.
var transitTypes = []string{"aes256-gcm96", "aes128-gcm96", "chacha20-poly1305"}

// OpenTransit checks the options and reads what files they name; it sends nothing yet.
func OpenTransit(o TransitOptions) (*Transit, error) {
	if o.Key == "" || strings.ContainsAny(o.Key, "/?#%") || strings.Trim(o.Key, ".") == "" {
		return nil, fmt.Errorf("vault: transit: %q is not the name of a key", o.Key)
	}
	client, err := newTransitClient(o)
	if err != nil {
		return nil, fmt.Errorf("vault: transit: %w", err)
	}
	return &Transit{client: client, key: o.Key}, nil
}

// transitBound is what Vault authenticates with a key, and derives by if its key is made so.
type transitBound struct {
	AssociatedData string `json:"associated_data,omitempty"`
	Context        string `json:"context,omitempty"`
}

func (k transitKey) bound(id []byte) transitBound {
	b := base64.StdEncoding.EncodeToString(append([]byte("sigill keyring "), id...))
	if !k.Derived {
		return transitBound{AssociatedData: b}
	}
	return transitBound{AssociatedData: b, Context: b}
}

// Wrap is that of [KeyWrapper]. It looks at the key first: Vault would make one that is not there.
func (t *Transit) Wrap(ctx context.Context, id, key []byte) ([]byte, error) {
	info, err := t.info(ctx)
	if err != nil {
		return nil, err
	}
	ask := struct {
		Plaintext string `json:"plaintext"`
		transitBound
	}{base64.StdEncoding.EncodeToString(key), info.bound(id)}
	var answer struct {
		Ciphertext string `json:"ciphertext"`
	}
	if err := t.client.call(ctx, http.MethodPost, t.path("encrypt"), ask, &answer); err != nil {
		return nil, t.explain(err)
	}
	wrapped := []byte(answer.Ciphertext)
	if _, err := wrappedUnder(wrapped); err != nil || !strings.HasPrefix(answer.Ciphertext, transitPrefix) {
		return nil, fmt.Errorf("vault: transit: the answer to encrypt/%s is not %sN:…", t.key, transitPrefix)
	}
	return wrapped, nil
}

// Unwrap is that of [KeyWrapper].
func (t *Transit) Unwrap(ctx context.Context, id, wrapped []byte) ([]byte, error) {
	if !strings.HasPrefix(string(wrapped), transitPrefix) {
		return nil, fmt.Errorf("%w: it is under a key file, not under Transit", ErrWrongKey)
	}
	info, err := t.info(ctx)
	if err != nil {
		return nil, err
	}
	ask := struct {
		Ciphertext string `json:"ciphertext"`
		transitBound
	}{string(wrapped), info.bound(id)}
	var answer struct {
		Plaintext string `json:"plaintext"`
	}
	err = t.client.call(ctx, http.MethodPost, t.path("decrypt"), ask, &answer)
	var refused *transitError
	if errors.As(err, &refused) && refused.status == http.StatusBadRequest {
		return nil, fmt.Errorf("%w: %w", ErrWrongKey, t.explain(err))
	}
	if err != nil {
		return nil, t.explain(err)
	}
	key, err := base64.StdEncoding.DecodeString(answer.Plaintext)
	if err != nil {
		return nil, fmt.Errorf("vault: transit: the answer to decrypt/%s is not base64", t.key)
	}
	return key, nil
}

// Versions is that of [KeyWrapper]: those that Vault's min_decryption_version lets unwrap.
func (t *Transit) Versions(ctx context.Context) (out []KeyVersion, err error) {
	info, err := t.info(ctx)
	if err != nil {
		return nil, err
	}
	for number, created := range info.Keys {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("vault: transit: key %s has a version %q", t.key, number)
		}
		var seconds int64
		if err := json.Unmarshal(created, &seconds); err != nil {
			return nil, fmt.Errorf("vault: transit: version %d of key %s has no time", n, t.key)
		}
		if n >= info.MinDecryptionVersion {
			out = append(out, KeyVersion{uint32(n), time.Unix(seconds, 0).UTC()})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("vault: transit: key %s has no version", t.key)
	}
	slices.SortFunc(out, func(a, b KeyVersion) int { return int(int64(a.Number) - int64(b.Number)) })
	return out, nil
}

// transitKey is what Vault tells of a key.
type transitKey struct {
	Type                 string                     `json:"type"`
	Derived              bool                       `json:"derived"`
	MinDecryptionVersion uint64                     `json:"min_decryption_version"`
	Keys                 map[string]json.RawMessage `json:"keys"` // version to seconds since 1970, for the types we take
}

func (t *Transit) info(ctx context.Context) (info transitKey, err error) {
	if err := t.client.call(ctx, http.MethodGet, t.path("keys"), nil, &info); err != nil {
		return info, t.explain(err)
	}
	if !slices.Contains(transitTypes, info.Type) {
		return info, fmt.Errorf("vault: transit: key %s is of type %q: make one of type %s", t.key, info.Type, transitTypes[0])
	}
	return info, nil
}

func (t *Transit) path(verb string) string { return t.client.mount + "/" + verb + "/" + t.key }

// explain says what to do about an error, where Vault's own words do not.
func (t *Transit) explain(err error) error {
	var refused *transitError
	hint := ""
	if errors.As(err, &refused) {
		switch {
		case refused.status == http.StatusForbidden:
			hint = fmt.Sprintf("; check the token, and that its policy has update on %s and %s and read on %s", t.path("encrypt"), t.path("decrypt"), t.path("keys"))
		case refused.status == http.StatusNotFound:
			hint = fmt.Sprintf("; make the key with: vault write -f %s type=%s", t.path("keys"), transitTypes[0])
		case strings.Contains(refused.text, "too old"):
			hint = fmt.Sprintf("; lower min_decryption_version of %s until the vault has turned to a newer version", t.path("keys"))
		}
	}
	return fmt.Errorf("vault: transit: %w%s", err, hint)
}

func (t *Transit) rotate(context.Context) (uint32, error) {
	return 0, fmt.Errorf("%w: it is Vault's: run vault write -f %s/rotate", ErrKeyReadOnly, t.path("keys"))
}

func (t *Transit) drop(ctx context.Context, free func(newest uint32) error) ([]uint32, error) {
	versions, err := t.Versions(ctx)
	if err != nil {
		return nil, err
	}
	newest := versions[len(versions)-1].Number
	if err := free(newest); err != nil || len(versions) == 1 {
		return nil, err
	}
	return nil, fmt.Errorf("%w: it is Vault's: run vault write %s/config min_decryption_version=%d", ErrKeyReadOnly, t.path("keys"), newest)
}
