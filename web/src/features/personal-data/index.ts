import '@/i18n/personal-data';

export { ErasureForm } from './components/ErasureForm';
export { ErasuresLink, WasDeletedLink } from './components/links';
export { Erasure } from './components/Erasure';
export { ExportDialog } from './components/ExportDialog';
