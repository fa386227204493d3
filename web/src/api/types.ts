import type { components } from './schema';

type Schemas = components['schemas'];

export type ApiKey = Schemas['Key'];
export type ApiKeyInput = Schemas['KeyInput'];
export type AuditEvent = Schemas['AuditItem'];
export type Analysis = Schemas['Analysis'];
export type AnalysisEvent = Schemas['AnalysisEvent'];
export type AnalysisStatus = Schemas['AnalysisStatus'];
export type BundleDescription = Schemas['BundleDescription'];
export type Delivery = Schemas['Delivery'];
export type DeliveryState = Schemas['DeliveryState'];
export type DriftPlot = Schemas['DriftPlot'];
export type DriftReport = Schemas['DriftReport'];
export type DriftedQuantity = Schemas['DriftedQuantity'];
export type ErasureStatement = Schemas['ErasureStatement'];
export type Feedback = Schemas['Feedback'];
export type FeedbackInput = Schemas['FeedbackInput'];
export type Finding = Schemas['Finding'];
export type IdentityAttribute = Schemas['IdentityAttribute'];
export type InspectedUpload = Schemas['InspectedUpload'];
export type FitMethod = Schemas['FitMethod'];
export type GivenAnswer = Schemas['GivenAnswer'];
export type Ground = Schemas['Ground'];
export type Measure = Schemas['Measure'];
export type MeasuredFinding = Schemas['MeasuredFinding'];
export type KeySlice = Schemas['KeySlice'];
export type MassRunRow = Schemas['MassRunRow'];
export type OperatingPointDescription = Schemas['OperatingPointDescription'];
export type Patient = Schemas['Patient'];
export type PatientChange = Schemas['PatientChange'];
export type PatientInput = Schemas['PatientInput'];
export type Prediction = Schemas['Prediction'];
export type Priority = Schemas['Priority'];
export type Problem = Schemas['Problem'];
export type ProfileProposal = Schemas['ProfileProposal'];
export type Proposal = Schemas['Proposal'];
export type ProposalState = Schemas['ProposalState'];
export type Connection = Schemas['Connection'];
export type ArrivingStudy = Schemas['ArrivingStudy'];
export type RoutingRule = Schemas['RoutingRule'];
export type Pull = Schemas['Pull'];
export type PullState = Schemas['PullState'];
export type QualityCheck = Schemas['QualityCheck'];
export type Readiness = Schemas['Readiness'];
export type Reason = Schemas['Reason'];
export type ReasonCode = Schemas['ReasonCode'];
export type Report = Schemas['Report'];
export type Role = Schemas['Role'];
export type Scan = Schemas['Scan'];
export type ScannerProfile = Schemas['ScannerProfile'];
export type ListedSession = Schemas['ListedSession'];
export type Passkey = Schemas['Passkey'];
export type Session = Schemas['SessionDocument'];
export type SharePlot = Schemas['SharePlot'];
export type ShadowReport = Schemas['ShadowReport'];
export type SliceScore = Schemas['SliceScore'];
export type Stage = Schemas['Stage'];
export type StageProgress = Schemas['StageProgress'];
export type StageReport = Report['stages'][number];
export type NamedPerson = Schemas['NamedPerson'];
export type StudyIdentity = Schemas['StudyIdentity'];
export type StudyRow = Schemas['StudyRow'];
export type StudySummary = Schemas['StudySummary'];
export type ThresholdProposal = Schemas['ThresholdProposal'];
export type User = Schemas['User'];
export type UserChange = Schemas['UserUpdate'];
export type UserInput = Schemas['UserInput'];
export type Verdict = Schemas['Verdict'];
export type VolumeDescription = Schemas['VolumeDescription'];
export type VoxelBox = Schemas['VoxelBox'];

type Triple = [number, number, number];

/** The document's geometry with the lengths of its lists, which OpenAPI's lists do not tell. */
export interface VolumeGeometry {
  /** Voxels `[z, y, x]`. */
  shape: Triple;
  /** `[z, y, x]`. */
  spacing_mm: Triple;
  /** Centre of voxel (0, 0, 0) in LPS. */
  origin_mm: Triple;
  /** Unit vectors in LPS along z, y and x. */
  direction: [Triple, Triple, Triple];
}

const isTriple = (list: number[]): list is Triple => list.length === 3 && list.every(Number.isFinite);

/** The geometry, or nothing where a list has not the length that it must have. */
export function parseGeometry(geometry: Schemas['VolumeGeometry']): VolumeGeometry | undefined {
  const { shape, spacing_mm, origin_mm, direction } = geometry;
  const [z, y, x] = direction;
  if (!isTriple(shape) || !isTriple(spacing_mm) || !isTriple(origin_mm) || !z || !y || !x) {
    return undefined;
  }
  if (!isTriple(z) || !isTriple(y) || !isTriple(x)) {
    return undefined;
  }
  return { shape, spacing_mm, origin_mm, direction: [z, y, x] };
}
