package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SecretFile says where a secret lies: in a file that only its owner may read, or in a credential that systemd gives the
// service (LoadCredential= or LoadCredentialEncrypted=). One of the two is set; neither means that there is no secret.
type SecretFile struct {
	Path       string
	Credential string // its name
}

// credentialsVariable is set by systemd to the folder of a service's credentials (systemd.exec(5)).
const credentialsVariable = "CREDENTIALS_DIRECTORY"

func (s SecretFile) none() bool { return s == SecretFile{} }

// String names the secret in errors.
func (s SecretFile) String() string {
	if s.Credential != "" {
		return "credential " + s.Credential
	}
	return s.Path
}

// path is where the file is.
func (s SecretFile) path() (string, error) {
	if s.Credential == "" {
		return s.Path, nil
	}
	dir := os.Getenv(credentialsVariable)
	if dir == "" {
		return "", fmt.Errorf("%s: no %s: systemd gives it to a service with LoadCredential=%s:…", s, credentialsVariable, s.Credential)
	}
	if s.Path != "" || !filepath.IsLocal(s.Credential) || filepath.Base(s.Credential) != s.Credential {
		return "", fmt.Errorf("%q is not the name of a credential", s.Credential)
	}
	return filepath.Join(dir, s.Credential), nil
}

// read gives the secret. fs.ErrPermission if others may read the file; of a credential, systemd shows the service's
// access as the group's where it is given by an access control list, and the folder is closed to others anyway.
func (s SecretFile) read() ([]byte, error) {
	path, err := s.path()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	others := fs.FileMode(0o077)
	if s.Credential != "" {
		others = 0o007
	}
	if info.Mode().Perm()&others != 0 {
		return nil, fmt.Errorf("%s: %w: others may read it; run chmod 600", path, fs.ErrPermission)
	}
	if info.Size() > maxSecret {
		return nil, fmt.Errorf("%s: %d octets are no secret of ours", path, info.Size())
	}
	text := make([]byte, info.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		return nil, err
	}
	return text, nil
}

// maxSecret is more octets than any key file or passphrase has.
const maxSecret = 1 << 20

// inside tells whether path lies in the folder dir, through symbolic links too.
func inside(path, dir string) bool {
	p, err1 := resolve(path)
	d, err2 := resolve(dir)
	if err1 != nil || err2 != nil {
		return true // cannot be shown to lie outside
	}
	rel, err := filepath.Rel(d, p)
	return err == nil && filepath.IsLocal(rel)
}

// resolve follows the links of what exists; what does not exist yet is joined to its folder's.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	parent, err := resolve(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}
