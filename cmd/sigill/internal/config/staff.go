package config

// Staff is how staff members log in.
type Staff struct {
	MailPasswords bool `toml:"mail_passwords"`
}
