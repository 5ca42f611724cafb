package vault

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// sealedKeyPrefix begins the first line of a key file under a passphrase; the SHA-256 of what follows it, in hexadecimal,
// ends that line. The rest is an age file in armor, whose content is a plain key file: age alone opens it too.
const sealedKeyPrefix = "sigill-key-age-1 "

// keySeal seals a key file's text under a passphrase.
type keySeal struct {
	passphrase SecretFile // none: the text stays as it is
	work       int        // scrypt's cost as a power of two; age's own if 0: a second and 256 MiB
}

// maxWork is four times age's own cost: a changed file must not take more memory than 1 GiB.
const maxWork = 20

func (k keySeal) seal(plain []byte) ([]byte, error) {
	if k.passphrase.none() {
		return plain, nil
	}
	passphrase, err := readPassphrase(k.passphrase)
	if err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	if k.work > 0 {
		to.SetWorkFactor(k.work)
	}
	var sealed bytes.Buffer
	armored := armor.NewWriter(&sealed)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sealed.Bytes())
	return fmt.Appendf(nil, "%s%x\n%s", sealedKeyPrefix, sum, sealed.Bytes()), nil
}

// open gives the text of a plain key file. The sum tells damage from a wrong passphrase, which age cannot.
func (k keySeal) open(text []byte) ([]byte, error) {
	rest, sealed := bytes.CutPrefix(text, []byte(sealedKeyPrefix))
	switch {
	case !sealed && k.passphrase.none():
		return bytes.Clone(text), nil
	case !sealed && bytes.HasPrefix(text, []byte(keyFilePrefix+" ")):
		return nil, errors.New("it is not under a passphrase, and one is given: seal it by changing its passphrase, or give none")
	case !sealed:
		return nil, fmt.Errorf("%w: it is not a key file", ErrDamaged)
	case k.passphrase.none():
		return nil, errors.New("it is under a passphrase: say where that lies")
	}
	line, body, _ := bytes.Cut(rest, []byte("\n"))
	sum := sha256.Sum256(body)
	if string(line) != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its sum is wrong", ErrDamaged)
	}
	passphrase, err := readPassphrase(k.passphrase)
	if err != nil {
		return nil, err
	}
	with, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	with.SetMaxWorkFactor(cmp.Or(k.work, maxWork))
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(body)), with)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, fmt.Errorf("%w: the passphrase is wrong", ErrWrongKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

// minPassphrase is refused below, since all the vault's secrecy hangs on it.
const minPassphrase = 12

// readPassphrase gives the first line of the secret: editors end a file with a line end.
func readPassphrase(at SecretFile) (string, error) {
	text, err := at.read()
	if err != nil {
		return "", fmt.Errorf("passphrase: %w", err)
	}
	defer clear(text)
	passphrase := strings.TrimRight(string(text), "\r\n")
	if len(passphrase) < minPassphrase || strings.ContainsAny(passphrase, "\r\n") {
		return "", fmt.Errorf("passphrase %s: it must be one line of %d octets or more", at, minPassphrase)
	}
	return passphrase, nil
}
