"""SceneForge."""
