-- The balance of an account, as storage reads it.
SELECT sign * account_balance(id), held FROM accounts WHERE code = :code;
