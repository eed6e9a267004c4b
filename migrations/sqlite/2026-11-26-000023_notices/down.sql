DROP TABLE webhook_settings;
DROP TABLE mail_settings;
DROP TABLE notice_marks;
DROP TABLE notice_choices;
DROP INDEX outbox_employee;
DROP INDEX outbox_kind;
ALTER TABLE outbox DROP COLUMN employee_id;
ALTER TABLE outbox DROP COLUMN kind;
