import '@/i18n/site';

export { Drift } from './components/Drift';
export { Proposals } from './components/Proposals';
export { Shadow } from './components/Shadow';
