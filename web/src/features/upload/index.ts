export { useUploads } from './api/upload-store';
export { UploadForm } from './components/UploadForm';
export { UploadQueue } from './components/UploadQueue';
