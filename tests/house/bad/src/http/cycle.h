#pragma once
#include "io/cycle.h"
#include "drive/drive.h"
