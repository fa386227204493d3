DROP TABLE leases;
DROP TABLE installation;
