export { MergePatientsDialog } from './components/MergePatientsDialog';
export { MoveStudyDialog } from './components/MoveStudyDialog';
export { PatientForm } from './components/PatientForm';
export { PatientList } from './components/PatientList';
