import { CrosshairsTool } from '@cornerstonejs/tools';

/**
 * A crosshair that is put where one points and dragged, and never turned: the planes stay those of the volume, so that the maps keep
 * fitting them. Cornerstone lets lines be moved by the mouse only where they may be turned too; here no handle to turn them is found.
 */
export class PlaneCrosshairs extends CrosshairsTool {
  override _getRotationHandleNearImagePoint(): null {
    return null;
  }
}
