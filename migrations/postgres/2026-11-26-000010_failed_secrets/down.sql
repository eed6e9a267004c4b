DROP TABLE failed_secrets;
