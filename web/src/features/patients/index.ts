export { PatientForm } from './components/PatientForm';
export { PatientList } from './components/PatientList';
