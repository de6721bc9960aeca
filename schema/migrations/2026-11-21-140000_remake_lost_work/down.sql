DROP TABLE work_remade;
