export { BundleCard } from './components/BundleCard';
export { SettingsForm } from './components/SettingsForm';
