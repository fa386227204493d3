import type administration from './en-administration.json';
import type connections from './en-connections.json';
import type deliveries from './en-deliveries.json';
import type personalData from './en-personal-data.json';
import type pulls from './en-pulls.json';
import type site from './en-site.json';
import type texts from './en';

/** Every text that there is: those of the first page, and those that a page brings along. */
export type AllTexts = typeof texts & typeof administration & typeof connections & typeof deliveries & typeof personalData & typeof pulls & typeof site;
